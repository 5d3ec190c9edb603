@handler.on("comment.created")
async def conditional_moderation(event):
    comment = event.data.comment

    # Only process certain authors
    if comment.author_username in ["spammer1", "spammer2"]:
        await hide_comment(comment)
