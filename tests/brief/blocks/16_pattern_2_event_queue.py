import asyncio
from collections import deque

event_queue = deque()

@handler.on("comment.created")
async def queue_comment(event):
    # Add to queue for batch processing
    event_queue.append(event)

async def process_queue():
    while True:
        if event_queue:
            event = event_queue.popleft()
            await process_event(event)
        await asyncio.sleep(1)

# Start queue processor
asyncio.create_task(process_queue())
