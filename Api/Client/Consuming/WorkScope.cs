namespace OrleansStream.Client.Consuming;

/// <summary>
/// Tells whether a call comes from a consumer's handler or from the body of its loop, or from a task that one of them began. Such a call must not
/// wait for the records of the answer to be worked on, as it is a part of that work.
/// </summary>
internal sealed class WorkScope
{
    private static readonly object Entered = new();
    private readonly AsyncLocal<object?> _entered = new();

    /// <summary>True for a call from within.</summary>
    public bool IsWithin => _entered.Value is not null;

    /// <summary>What the current method calls from now on is within, and so is its caller if the method is not an asynchronous one.</summary>
    public void Enter() => _entered.Value = Entered;

    /// <summary>What the current method calls from now on is not within.</summary>
    public void Leave() => _entered.Value = null;

    /// <summary>What the caller does between the records is within, until it leaves the loop.</summary>
    /// <typeparam name="T">The type of the records.</typeparam>
    /// <param name="records">The records.</param>
    public IAsyncEnumerator<T> Within<T>(IAsyncEnumerator<T> records) => new Loop<T>(this, records);

    // Its methods are not asynchronous ones: those would give the caller's own scope back to it.
    private sealed class Loop<T>(WorkScope scope, IAsyncEnumerator<T> records) : IAsyncEnumerator<T>
    {
        public T Current => records.Current;

        public ValueTask<bool> MoveNextAsync()
        {
            var next = records.MoveNextAsync();
            scope.Enter();
            return next;
        }

        public ValueTask DisposeAsync()
        {
            scope.Leave();
            return records.DisposeAsync();
        }
    }
}
