all_events = []

@handler.on("comment.created")
async def aggregate_comments(event):
    all_events.append(event)
    print(f"Total comments: {len(all_events)}")
