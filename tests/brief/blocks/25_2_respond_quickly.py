@app.post("/webhook")
async def webhook(request):
    # Process event asynchronously
    asyncio.create_task(process_event(request.json()))
    return {"status": "ok"}  # Respond immediately
