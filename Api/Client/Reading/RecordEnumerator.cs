using OrleansStream.Client.Consuming;

namespace OrleansStream.Client.Reading;

/// <summary>Gives out the records of answers, one by one. Those of an answer that is here cost no asynchronous call.</summary>
/// <typeparam name="T">The type of the records' values.</typeparam>
/// <param name="answers">The records of each answer.</param>
internal sealed class RecordEnumerator<T>(IAsyncEnumerator<List<ConsumedRecord<T>>> answers) : IAsyncEnumerator<ConsumedRecord<T>>
{
    private List<ConsumedRecord<T>> _records = [];
    private int _next;

    /// <inheritdoc/>
    public ConsumedRecord<T> Current { get; private set; } = null!;

    /// <inheritdoc/>
    public ValueTask<bool> MoveNextAsync()
    {
        var records = _records;
        var next = _next;
        if ((uint)next >= (uint)records.Count)
            return GoOnAsync();
        Current = records[next];
        _next = next + 1;
        return new ValueTask<bool>(true);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _records = [];
        return answers.DisposeAsync();
    }

    private async ValueTask<bool> GoOnAsync()
    {
        _records = [];
        do
        {
            if (!await answers.MoveNextAsync().ConfigureAwait(false))
                return false;
            _records = answers.Current;
        }
        while (_records.Count == 0);
        Current = _records[0];
        _next = 1;
        return true;
    }
}
