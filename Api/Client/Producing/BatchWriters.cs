using OrleansStream.Records;

namespace OrleansStream.Client.Producing;

/// <summary>
/// Writers of batches that are not in use; they keep their memory. The one that was used last is given first, for the processor still has its memory
/// at hand.
/// </summary>
/// <param name="options">The producer's settings, by which as many writers are kept as can be in use at once.</param>
internal sealed class BatchWriters(ProducerOptions options) : IDisposable
{
    private readonly object _gate = new();
    private readonly Stack<RecordBatchWriter> _free = new();
    private readonly long _keptMax = Math.Min(options.BufferBytes / options.BatchSize, ProducerLimits.KeptWritersMax) + 1;

    /// <summary>Gives one.</summary>
    public RecordBatchWriter Rent()
    {
        lock (_gate)
        {
            if (_free.TryPop(out var writer))
                return writer;
        }

        return new RecordBatchWriter();
    }

    /// <summary>Takes one back. One that has grown for a large record gives its memory up.</summary>
    /// <param name="writer">It is not used any more.</param>
    public void Return(RecordBatchWriter writer)
    {
        if (writer.LengthBytes <= 2L * options.BatchSize)
        {
            lock (_gate)
            {
                if (_free.Count < _keptMax)
                {
                    _free.Push(writer);
                    return;
                }
            }
        }

        writer.Dispose();
    }

    /// <summary>The fields of a batch's header, by the producer's settings.</summary>
    /// <param name="options">The settings.</param>
    public static RecordBatchOptions HeaderOf(ProducerOptions options) => new()
    {
        Compression = (CompressionType)options.Compression,
        CompressionLevel = options.CompressionLevel,
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            while (_free.TryPop(out var writer))
                writer.Dispose();
        }
    }
}
