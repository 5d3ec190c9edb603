@handler.on("comment.created")
async def moderate_comment(event):
    comment = event.data.comment

    # Analyze comment
    decision = await standards_engine.validate(comment.text)

    # Apply moderation action
    if decision.action != "approve":
        platform = get_platform(event.platform)
        await platform.moderate_comment(
            comment.id,
            decision.action
        )
