import logging

logger = logging.getLogger(__name__)

@handler.on("comment.created")
async def log_event(event):
    logger.info(f"Comment created: {event.data.comment.id}")
