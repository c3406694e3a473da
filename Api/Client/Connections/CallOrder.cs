namespace OrleansStream.Client.Connections;

/// <summary>Has calls that must wait pass one after the other, in the order in which they were made.</summary>
internal sealed class CallOrder
{
    private readonly object _gate = new();
    private volatile Task _last = Task.CompletedTask;

    /// <summary>True when no call is in the order: all that were made before have passed.</summary>
    public bool IsFree => _last.IsCompleted;

    /// <summary>Takes a place behind all calls that were made before.</summary>
    /// <returns>The call's turn, which whoever takes it ends in any case.</returns>
    public Turn Enter()
    {
        lock (_gate)
        {
            var turn = new Turn(_last);
            _last = turn.Ended;
            return turn;
        }
    }

    /// <summary>A call's place in the order.</summary>
    /// <param name="before">Ends when the call before has passed.</param>
    internal sealed class Turn(Task before)
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Ends when the call has passed, or has given up and all before it have passed.</summary>
        public Task Ended => _ended.Task;

        /// <summary>Waits until all calls before have passed.</summary>
        /// <param name="cancellationToken">Ends the wait with an exception.</param>
        public Task BeginAsync(CancellationToken cancellationToken) => before.WaitAsync(cancellationToken);

        /// <summary>The call has passed, or gives up: the next one's turn comes after all before.</summary>
        public void End()
        {
            if (before.IsCompleted)
            {
                _ended.TrySetResult();
            }
            else
            {
                _ = before.ContinueWith(
                    _ => _ended.TrySetResult(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }
    }
}
