namespace OrleansStream.Kafka.Connections;

/// <summary>The requests of one connection that are not answered yet, and their bounds. One caller enters at a time.</summary>
internal sealed class RequestsInFlight
{
    private readonly Lock _gate = new();
    private int _count;
    private long _bytes;
    private TaskCompletionSource? _room;

    /// <summary>Waits until there is room for a request: those before it end in a bounded time.</summary>
    /// <param name="bytes">Its length.</param>
    public async ValueTask EnterAsync(int bytes)
    {
        while (true)
        {
            Task room;
            lock (_gate)
            {
                if (_count == 0 || (_count < ConnectionLimits.RequestsInFlightMax && _bytes + bytes <= ConnectionLimits.RequestBytesInFlightMax))
                {
                    _count++;
                    _bytes += bytes;
                    return;
                }

                _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = _room.Task;
            }

            await room;
        }
    }

    /// <summary>Notes that a request is answered.</summary>
    /// <param name="bytes">Its length.</param>
    public void Leave(int bytes)
    {
        TaskCompletionSource? room;
        lock (_gate)
        {
            _count--;
            _bytes -= bytes;
            (room, _room) = (_room, null);
        }

        room?.TrySetResult();
    }
}
