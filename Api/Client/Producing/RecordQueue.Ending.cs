namespace OrleansStream.Client.Producing;

/// <summary>The end of a producer: what it was given is sent, once for all who ask for the end.</summary>
internal sealed partial class RecordQueue
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
            _ = EndAsync();
        else if (_ended.Task.IsCompleted)
            return ValueTask.CompletedTask;
        return new ValueTask(_ended.Task);
    }

    private async Task EndAsync()
    {
        try
        {
            await SendRestAsync().ConfigureAwait(false);
            _ended.SetResult();
        }
        catch (Exception exception)
        {
            _ended.SetException(exception);
        }
    }

    private async Task SendRestAsync()
    {
        try
        {
            // Calls that wait for memory came before: they get it as records are stored.
            if (Volatile.Read(ref _adding) > 0)
                await _added.Task.ConfigureAwait(false);
            await FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _lanes.Dispose();
            _context.Writers.Dispose();
            _context.Identities.Dispose();
            _shapes.Dispose();
        }
    }
}
