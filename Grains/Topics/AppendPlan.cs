using System.Buffers;
using OrleansStream.Errors;
using OrleansStream.Records;

namespace OrleansStream.Topics;

/// <summary>How a request's records go to partitions: the appends to make, the records refused, and whose record is whose.</summary>
/// <remarks>
/// It owns the memory of the batches it made, and with an identity that of all batches: then no append reads the request's own memory.
/// <see cref="Dispose"/> gives that back, and may be called only when no append of it can still be reading: after answers that were certain at once.
/// </remarks>
internal sealed class AppendPlan : IDisposable
{
    private readonly List<PlannedUnit> _units = [];
    private readonly List<RecordBatchWriter> _writers = [];
    private readonly List<byte[]> _rented = [];
    private AppendIdentity? _identity;
    private int[]? _unitOfRecord;

    /// <summary>The appends and refusals, in the order of their first unit. Filled by <see cref="Seal"/>.</summary>
    public List<PlannedPart> Parts { get; } = new(capacity: 1);

    /// <summary>Per record the index of its part; empty when all are in the one part there is. Filled by <see cref="Seal"/>.</summary>
    public ReadOnlyMemory<int> PartOfRecord { get; private set; }

    /// <summary>True when a record was refused for what the topic is, which another version of the topic may allow.</summary>
    public bool HasRefusals { get; private set; }

    /// <summary>Makes a plan of one append of batches as they are.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="recordCount">The count of records.</param>
    /// <param name="batches">The batches.</param>
    /// <param name="identity">The producer to store them under; null for none.</param>
    public static AppendPlan AsIs(int partition, int recordCount, ReadOnlyMemory<byte> batches, AppendIdentity? identity)
    {
        var plan = new AppendPlan();
        if (identity is not null)
        {
            Memory<byte> named = plan.Rent(batches.Length);
            batches.CopyTo(named);
            NameProducer(named.Span, identity, identity.BaseSequence);
            batches = named;
        }

        plan.Parts.Add(new PlannedPart(partition, recordCount, batches, Error: null));
        return plan;
    }

    /// <summary>Starts a plan that splits records.</summary>
    /// <param name="recordCount">The count of the request's records.</param>
    /// <param name="identity">The producer to store them under; null for none.</param>
    public static AppendPlan Split(int recordCount, AppendIdentity? identity) =>
        new() { _unitOfRecord = new int[recordCount], _identity = identity };

    /// <summary>Takes a writer that lives as long as the plan.</summary>
    public RecordBatchWriter TakeWriter()
    {
        var writer = new RecordBatchWriter();
        _writers.Add(writer);
        return writer;
    }

    /// <summary>Opens a unit: a batch for a partition, whose bytes come with <see cref="Complete"/>.</summary>
    /// <param name="partition">The partition.</param>
    /// <returns>The unit's number.</returns>
    public int OpenUnit(int partition)
    {
        _units.Add(new PlannedUnit(partition, RecordCount: 0, default, Error: null));
        return _units.Count - 1;
    }

    /// <summary>Puts a record, or several in a row, into a unit.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="record">The first record's number in the request.</param>
    /// <param name="count">How many.</param>
    public void Assign(int unit, int record, int count = 1)
    {
        _unitOfRecord.AsSpan(record, count).Fill(unit);
        _units[unit] = _units[unit] with { RecordCount = _units[unit].RecordCount + count };
    }

    /// <summary>Gives a unit its bytes.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="batch">A whole batch.</param>
    public void Complete(int unit, ReadOnlyMemory<byte> batch) => _units[unit] = _units[unit] with { Batch = batch };

    /// <summary>Refuses records.</summary>
    /// <param name="partition">Their partition, or -1.</param>
    /// <param name="record">The first record's number in the request.</param>
    /// <param name="count">How many.</param>
    /// <param name="error">Why.</param>
    public void Refuse(int partition, int record, int count, StreamError error)
    {
        HasRefusals = true;
        int unit = OpenUnit(partition);
        _units[unit] = _units[unit] with { Error = error };
        Assign(unit, record, count);
    }

    /// <summary>Joins the units of each partition into appends, in their order and within the bound of one append.</summary>
    public void Seal()
    {
        int[] partOfUnit = new int[_units.Count];
        var openParts = new Dictionary<int, int>();
        var joined = new List<(int Units, int LengthBytes)>();
        for (int unit = 0; unit < _units.Count; unit++)
        {
            PlannedUnit planned = _units[unit];
            if (planned.Error is not null || !openParts.TryGetValue(planned.Partition, out int part)
                || joined[part].LengthBytes + planned.Batch.Length > TopicLimits.AppendBytesMax)
            {
                part = Parts.Count;
                Parts.Add(new PlannedPart(planned.Partition, RecordCount: 0, planned.Batch, planned.Error));
                joined.Add(default);
                if (planned.Error is null)
                    openParts[planned.Partition] = part;
            }

            partOfUnit[unit] = part;
            joined[part] = (joined[part].Units + 1, joined[part].LengthBytes + planned.Batch.Length);
            Parts[part] = Parts[part] with { RecordCount = Parts[part].RecordCount + planned.RecordCount };
        }

        Concatenate(partOfUnit, joined);
        if (Parts.Count == 1)
            return;
        foreach (ref int value in _unitOfRecord.AsSpan())
            value = partOfUnit[value];
        PartOfRecord = _unitOfRecord;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (RecordBatchWriter writer in _writers)
            writer.Dispose();
        foreach (byte[] bytes in _rented)
            ArrayPool<byte>.Shared.Return(bytes);
        _writers.Clear();
        _rented.Clear();
    }

    /// <summary>Lays the batches of parts that have several next to each other, and names the producer of each.</summary>
    private void Concatenate(int[] partOfUnit, List<(int Units, int LengthBytes)> joined)
    {
        int[] positions = new int[Parts.Count];
        var buffers = new Memory<byte>[Parts.Count];
        var sequences = new Dictionary<int, int>();
        for (int unit = 0; unit < partOfUnit.Length; unit++)
        {
            int part = partOfUnit[unit];
            if (Parts[part].Error is not null || (joined[part].Units < 2 && _identity is null))
                continue;
            if (buffers[part].IsEmpty)
            {
                buffers[part] = Rent(joined[part].LengthBytes);
                Parts[part] = Parts[part] with { Batches = buffers[part] };
            }

            PlannedUnit planned = _units[unit];
            Memory<byte> batch = buffers[part].Slice(positions[part], planned.Batch.Length);
            planned.Batch.CopyTo(batch);
            positions[part] += batch.Length;
            if (_identity is not null)
                sequences[planned.Partition] = NameProducer(
                    batch.Span, _identity, sequences.GetValueOrDefault(planned.Partition, _identity.BaseSequence));
        }
    }

    /// <summary>Stores batches that have no producer under the request's own.</summary>
    /// <returns>The sequence number of the record behind them.</returns>
    private static int NameProducer(Span<byte> batches, AppendIdentity identity, int sequence)
    {
        while (RecordBatchHeader.TryRead(batches, out RecordBatchHeader header))
        {
            if (!header.HasProducer)
            {
                RecordBatchHeader.StampProducer(batches[..header.LengthBytes], identity.ProducerId, identity.ProducerEpoch, sequence);
                sequence = unchecked(sequence + header.RecordCount) & int.MaxValue; // after the last one comes 0
            }

            batches = batches[header.LengthBytes..];
        }

        return sequence;
    }

    private Memory<byte> Rent(int lengthBytes)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(lengthBytes);
        _rented.Add(buffer);
        return buffer.AsMemory(0, lengthBytes);
    }

    private readonly record struct PlannedUnit(int Partition, int RecordCount, ReadOnlyMemory<byte> Batch, StreamError? Error);
}

/// <summary>One append to make, or records that are refused.</summary>
/// <param name="Partition">The partition, or -1.</param>
/// <param name="RecordCount">The count of records.</param>
/// <param name="Batches">The batches to append.</param>
/// <param name="Error">Why there is nothing to append.</param>
internal readonly record struct PlannedPart(int Partition, int RecordCount, ReadOnlyMemory<byte> Batches, StreamError? Error);
