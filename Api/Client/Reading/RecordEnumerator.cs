using OrleansStream.Client.Consuming;

namespace OrleansStream.Client.Reading;

/// <summary>Gives out the records of answers, one by one. Nearly all of those of an answer that is here cost no asynchronous call.</summary>
/// <typeparam name="T">The type of the records' values.</typeparam>
/// <param name="answers">The records of each answer.</param>
internal sealed class RecordEnumerator<T>(IAsyncEnumerator<FetchedRecords<T>> answers) : IAsyncEnumerator<ConsumedRecord<T>>
{
    private readonly List<ConsumedRecord<T>> _records = [];
    private FetchedRecords<T>? _answer;
    private int _next;

    /// <inheritdoc/>
    public ConsumedRecord<T> Current { get; private set; } = null!;

    /// <inheritdoc/>
    public ValueTask<bool> MoveNextAsync()
    {
        var next = _next;
        if ((uint)next >= (uint)_records.Count)
            return GoOnAsync();
        Current = _records[next];
        _next = next + 1;
        return new ValueTask<bool>(true);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _records.Clear();
        EndAnswer();
        return answers.DisposeAsync();
    }

    private async ValueTask<bool> GoOnAsync()
    {
        try
        {
            while (_answer is null || !_answer.TryTake(_records))
            {
                EndAnswer();
                if (!await answers.MoveNextAsync().ConfigureAwait(false))
                    return false;
                _answer = answers.Current;
            }
        }
        catch
        {
            // Behind what cannot be read there is no more, whoever asks.
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }

        Current = _records[0];
        _next = 1;
        return true;
    }

    private void EndAnswer()
    {
        _answer?.Dispose();
        _answer = null;
    }
}
