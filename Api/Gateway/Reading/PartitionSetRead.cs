using OrleansStream.Gateway.Admission;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading;

/// <summary>What was read of many partitions for one answer. Its memory counts as the node's until it is disposed.</summary>
public sealed class PartitionSetRead : IDisposable
{
    private readonly Lock _gate = new();
    private readonly FetchResponse[] _responses;
    private readonly AnswerLoad _load;

    /// <summary>Nothing is read yet.</summary>
    /// <param name="count">The count of partitions.</param>
    /// <param name="node">The node's memory for answers.</param>
    internal PartitionSetRead(int count, NodeAnswers node) => (_responses, _load) = (new FetchResponse[count], new AnswerLoad(node));

    /// <summary>What each partition answered, in the order in which they were asked for. Where there was no room, its batches are left out.</summary>
    public IReadOnlyList<FetchResponse> Responses => _responses;

    /// <summary>The bytes of all batches.</summary>
    public int Bytes { get; private set; }

    /// <summary>True when a partition could not be read.</summary>
    public bool HasErrors { get; private set; }

    /// <inheritdoc/>
    public void Dispose() => _load.Dispose();

    /// <summary>Forgets what was read.</summary>
    internal void Clear()
    {
        Array.Clear(_responses);
        (Bytes, HasErrors) = (0, false);
        _load.Dispose();
    }

    /// <summary>Takes what a partition answered, but for its batches where they do not fit any more.</summary>
    /// <param name="index">Which partition.</param>
    /// <param name="response">What it answered.</param>
    /// <param name="bytesMax">The most bytes of all batches; the first ones fit always.</param>
    internal void Add(int index, in FetchResponse response, int bytesMax)
    {
        lock (_gate)
        {
            var length = response.Batches.Length;
            var fits = length > 0 && (Bytes == 0 || Bytes + length <= bytesMax) && _load.TryTake(length);
            _responses[index] = fits ? response : response with { Batches = default };
            Bytes += fits ? length : 0;
            HasErrors |= response.Error is not null;
        }
    }

    /// <summary>Takes an answer without batches.</summary>
    /// <param name="index">Which partition.</param>
    /// <param name="response">What it answered.</param>
    internal void Set(int index, in FetchResponse response) => Add(index, response, bytesMax: 0);
}
