using System.Collections.Concurrent;
using OrleansStream.Records;

namespace OrleansStream.Client.Producing;

/// <summary>Writers of batches that are not in use; they keep their memory.</summary>
internal sealed class BatchWriters : IDisposable
{
    private readonly ConcurrentQueue<RecordBatchWriter> _free = new();

    /// <summary>Gives one.</summary>
    public RecordBatchWriter Rent() => _free.TryDequeue(out var writer) ? writer : new RecordBatchWriter();

    /// <summary>Takes one back.</summary>
    /// <param name="writer">It is not used any more.</param>
    public void Return(RecordBatchWriter writer)
    {
        if (_free.Count < ProducerLimits.KeptBuffersMax)
            _free.Enqueue(writer);
        else
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
        while (_free.TryDequeue(out var writer))
            writer.Dispose();
    }
}
