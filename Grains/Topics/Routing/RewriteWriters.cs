using System.Buffers;
using OrleansStream.Records;

namespace OrleansStream.Topics.Routing;

/// <summary>The batches into which one request's records are written anew: their writers, and the memory in which they lie.</summary>
/// <remarks>
/// A writer begins with more memory than a short batch fills, and a request of few bytes may need one for each partition. So an open writer counts
/// with the memory that it begins with. A finished batch that fills less than half of its writer's memory moves to memory of its own length, and
/// counts with what that memory has beyond the batch's records, which are counted already. Not for two threads at once.
/// </remarks>
/// <param name="room">Counts the memory, and refuses it when the process has too little.</param>
internal sealed class RewriteWriters(RewriteRoom room) : IDisposable
{
    private const int LooseFactor = 2;

    // Those that are written to now, and the bytes that are counted for each.
    private readonly Dictionary<RecordBatchWriter, int> _open = [];

    // Those in whose memory a finished batch lies, and those without memory.
    private readonly List<RecordBatchWriter> _kept = [];
    private readonly Stack<RecordBatchWriter> _spare = [];
    private readonly List<byte[]> _moved = [];

    /// <summary>Opens a writer.</summary>
    /// <param name="options">What the batch's header says.</param>
    /// <param name="lengthBytes">How many bytes of records are expected.</param>
    /// <exception cref="Errors.StreamException">There is too little memory left now.</exception>
    public RecordBatchWriter Open(in RecordBatchOptions options, int lengthBytes = 0)
    {
        if (!_spare.TryPop(out var writer))
            writer = new RecordBatchWriter();
        _open[writer] = 0;
        writer.Reset(options);
        writer.Reserve(lengthBytes);
        var memoryBytes = writer.MemoryBytes;
        room.TakeMemory(memoryBytes);
        _open[writer] = memoryBytes;
        return writer;
    }

    /// <summary>Takes the batch of a writer, which is not used any more.</summary>
    /// <param name="writer">The writer, which has finished the batch.</param>
    /// <returns>The batch. It is valid until this object is disposed.</returns>
    /// <exception cref="Errors.StreamException">There is too little memory left now.</exception>
    public AppendBatches Take(RecordBatchWriter writer)
    {
        var lengthBytes = writer.WrittenBatch().Length;
        if (writer.MemoryBytes <= LooseFactor * lengthBytes)
        {
            room.ReturnMemory(_open[writer]);
            _open.Remove(writer);
            _kept.Add(writer);
            return AppendBatches.Of(writer);
        }

        var memory = ArrayPool<byte>.Shared.Rent(lengthBytes);
        _moved.Add(memory);
        room.TakeMemory(Math.Max(0, memory.Length - (writer.LengthBytes - RecordBatchHeader.HeaderLengthBytes)));
        var batch = AppendBatches.CopyOf(writer, memory);
        Drop(writer);
        return batch;
    }

    /// <summary>Gives the memory of a writer back whose batch is refused.</summary>
    /// <param name="writer">The writer.</param>
    public void Drop(RecordBatchWriter writer)
    {
        room.ReturnMemory(_open[writer]);
        _open.Remove(writer);
        writer.Dispose();
        _spare.Push(writer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var writer in _open.Keys)
            writer.Dispose();
        _kept.ForEach(static writer => writer.Dispose());
        _moved.ForEach(static bytes => ArrayPool<byte>.Shared.Return(bytes));
        _open.Clear();
        _kept.Clear();
        _moved.Clear();
    }
}
