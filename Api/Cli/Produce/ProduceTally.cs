using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;

namespace OrleansStream.Cli.Produce;

/// <summary>What became of the records of an input. It may be told from any thread.</summary>
internal sealed class ProduceTally : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _failed = new();
    private (long Index, long Line, StreamServiceException Error)? _first;

    /// <summary>How many records were given to the producer.</summary>
    public long Taken { get; private set; }

    /// <summary>How many records the service has said to be stored.</summary>
    public long Stored { get; private set; }

    /// <summary>How many may be stored or not, since no answer came that says so.</summary>
    public long Unknown { get; private set; }

    /// <summary>Cancelled when a record is not stored.</summary>
    public CancellationToken Failed => _failed.Token;

    /// <summary>Why the first record that is not stored, in the order of the input, is not; null when there is none.</summary>
    public StreamServiceException? Error => _first?.Error;

    /// <summary>The line of the first record that is not stored; null when there is none.</summary>
    public long? FirstLine => _first?.Line;

    /// <summary>How many records are stored behind the first that is not. It is exact once all are told of.</summary>
    public long StoredBehind => _first is { } first ? Stored - first.Index : 0;

    /// <summary>A record was given to the producer.</summary>
    public void Take() => Taken++;

    /// <summary>Notes what became of a record.</summary>
    /// <param name="index">Its place among all records, from 0.</param>
    /// <param name="line">Its line, from 1.</param>
    /// <param name="result">What became of it.</param>
    public void Tell(long index, long line, in SendResult result)
    {
        lock (_gate)
        {
            if (result.Error is not { } error)
            {
                Stored++;
                return;
            }

            if (error.IsOutcomeUnknown)
                Unknown++;
            if (_first is not { } first || index < first.Index)
                _first = (index, line, error);
        }

        // The producer calls this from its sending loop, which must not wait for what the cancellation runs.
        _ = _failed.CancelAsync();
    }

    /// <inheritdoc/>
    public void Dispose() => _failed.Dispose();
}
