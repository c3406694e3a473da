using System.Buffers;
using OrleansStream.Errors;
using OrleansStream.Records;

namespace OrleansStream.Topics.Routing;

/// <summary>A request divided over partitions: the appends to make, the refused records, and the append of each record.</summary>
/// <remarks>
/// It owns the memory of the batches that it made; the other batches lie in the request's memory. <see cref="Dispose"/> returns its own memory, and
/// may be called only when no append can still be reading it, that is, after all answers were certain.
/// </remarks>
internal sealed class PartitionedAppends : IDisposable
{
    // Most requests are of one append as it is, and need none of these.
    private List<Unit> _units = null!;
    private List<IDisposable>? _owned;
    private List<byte[]>? _rented;
    private RewriteRoom? _room;
    private RewriteWriters? _writers;
    private Dictionary<int, int>? _sequences;
    private AppendIdentity? _identity;
    private IMemoryOwner<int>? _recordMemory;
    private Memory<int> _unitOfRecord;

    /// <summary>The appends and refusals, in the order of their first unit. Filled by <see cref="Seal"/>.</summary>
    public List<PartitionAppend> Parts { get; } = new(capacity: 1);

    /// <summary>Per record the index of its part; empty when all are in the one part there is. Filled by <see cref="Seal"/>.</summary>
    public ReadOnlyMemory<int> PartOfRecord { get; private set; }

    /// <summary>
    /// The pooled memory of <see cref="PartOfRecord"/>, which outlives this object: whoever reads that last gives it back. Null for none.
    /// </summary>
    public IDisposable? RecordMemory => PartOfRecord.IsEmpty ? null : _recordMemory;

    /// <summary>True when no partition has several parts, so that there is no order to keep.</summary>
    public bool HasOnePartEach { get; private set; } = true;

    /// <summary>The bytes of all appends.</summary>
    public long LengthBytes
    {
        get
        {
            long length = 0;
            foreach (var part in Parts)
                length += part.Batches.LengthBytes;
            return length;
        }
    }

    /// <summary>True when a record was refused for what the topic is, which another version of the topic may allow.</summary>
    public bool HasRefusals { get; private set; }

    /// <summary>What the request has taken of the memory for records that are written anew, for as long as it is made; null for nothing.</summary>
    public IDisposable? Room => _room;

    /// <summary>Makes one append of batches as they are.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="recordCount">The count of records.</param>
    /// <param name="batches">The batches.</param>
    public static PartitionedAppends AsIs(int partition, int recordCount, AppendBatches batches)
    {
        var appends = new PartitionedAppends();
        appends.Parts.Add(new PartitionAppend(partition, recordCount, batches, Error: null));
        return appends;
    }

    /// <summary>Begins to split records.</summary>
    /// <param name="recordCount">The count of the request's records.</param>
    /// <param name="identity">The producer to store them under; null for none.</param>
    public static PartitionedAppends Split(int recordCount, AppendIdentity? identity)
    {
        var memory = MemoryPool<int>.Shared.Rent(recordCount);
        return new() { _units = [], _recordMemory = memory, _unitOfRecord = memory.Memory[..recordCount], _identity = identity };
    }

    /// <summary>Takes memory for the records of a batch, before they are written anew.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="lengthBytes">The records' length once they are decompressed.</param>
    /// <exception cref="StreamException">They are too many for one request, or there is too little memory left now.</exception>
    public void TakeRoom(RewriteMemory memory, int lengthBytes) => RoomIn(memory).Take(lengthBytes);

    /// <summary>The writers of batches that are made anew. They and their batches live as long as this object.</summary>
    /// <param name="memory">The memory.</param>
    public RewriteWriters WritersIn(RewriteMemory memory) => _writers ??= new RewriteWriters(RoomIn(memory));

    /// <summary>Takes a selection that lives as long as this object.</summary>
    /// <param name="options">What the batch's header says.</param>
    /// <param name="source">The bytes that the records lie in, which live as long.</param>
    public RecordSelection TakeSelection(in RecordBatchOptions options, ReadOnlyMemory<byte> source)
    {
        var selection = new RecordSelection(options, source);
        (_owned ??= []).Add(selection);
        return selection;
    }

    /// <summary>What the next batch for a partition says of its producer. Each batch there is completed before the next one is begun.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="compression">How it is compressed.</param>
    public RecordBatchOptions OptionsFor(int partition, CompressionType compression) => _identity is null
        ? new RecordBatchOptions { Compression = compression }
        : new RecordBatchOptions
        {
            Compression = compression,
            ProducerId = _identity.ProducerId,
            ProducerEpoch = _identity.ProducerEpoch,
            BaseSequence = NextSequence(partition),
        };

    /// <summary>Opens a unit: a batch for a partition, whose bytes come with <see cref="Complete"/>.</summary>
    /// <param name="partition">The partition.</param>
    /// <returns>The unit's number.</returns>
    public int OpenUnit(int partition)
    {
        _units.Add(new Unit(partition, RecordCount: 0, default, Error: null));
        return _units.Count - 1;
    }

    /// <summary>Puts a record, or several in a row, into a unit.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="record">The first record's number in the request.</param>
    /// <param name="count">How many of them.</param>
    public void Assign(int unit, int record, int count = 1)
    {
        _unitOfRecord.Span.Slice(record, count).Fill(unit);
        _units[unit] = _units[unit] with { RecordCount = _units[unit].RecordCount + count };
    }

    /// <summary>Gives a unit its bytes.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="batch">
    /// A whole batch; under the request's identity one that says what <see cref="OptionsFor"/> did, or has a producer of its own.
    /// </param>
    public void Complete(int unit, AppendBatches batch)
    {
        var added = _units[unit] = _units[unit] with { Batch = batch };
        if (_identity is not null && batch.TryReadFirst(out var header) && IsIdentitys(header))
            (_sequences ??= [])[added.Partition] = RecordBatchHeader.SequenceAfter(NextSequence(added.Partition), added.RecordCount);
    }

    /// <summary>
    /// Whether a batch of the request may be stored as it is: its numbers are those that <see cref="OptionsFor"/> would give, or its own.
    /// </summary>
    /// <param name="partition">The partition.</param>
    /// <param name="header">The batch's header.</param>
    public bool IsRightFor(int partition, in RecordBatchHeader header) => _identity is null
        || (header.HasProducer && (!IsIdentitys(header) || header.BaseSequence == NextSequence(partition)));

    /// <summary>Gives a unit a batch of the request, which may be numbered otherwise.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="batch">A whole batch, which stays as it is.</param>
    public void CompleteSent(int unit, ReadOnlyMemory<byte> batch)
    {
        RecordBatchHeader.TryRead(batch.Span, out var header);
        var partition = _units[unit].Partition;
        if (!IsRightFor(partition, header))
        {
            var named = Rent(batch.Length);
            batch.CopyTo(named);
            RecordBatchHeader.StampProducer(named.Span, _identity!.ProducerId, _identity.ProducerEpoch, NextSequence(partition));
            batch = named;
        }

        Complete(unit, batch);
    }

    /// <summary>Refuses records.</summary>
    /// <param name="partition">Their partition, or -1.</param>
    /// <param name="record">The first record's number in the request.</param>
    /// <param name="count">How many of them.</param>
    /// <param name="error">Why it failed or was refused.</param>
    public void Refuse(int partition, int record, int count, StreamError error)
    {
        HasRefusals = true;
        var unit = OpenUnit(partition);
        _units[unit] = _units[unit] with { Error = error };
        Assign(unit, record, count);
    }

    /// <summary>Joins the units of each partition into appends, in their order and within the bound of one append.</summary>
    public void Seal()
    {
        var partOfUnit = new int[_units.Count];
        var openParts = new Dictionary<int, int>();
        var joined = new List<(int Units, int LengthBytes)>();
        for (var unit = 0; unit < _units.Count; unit++)
        {
            var added = _units[unit];
            if (added.Error is not null || !openParts.TryGetValue(added.Partition, out var part)
                || joined[part].LengthBytes + added.Batch.LengthBytes > TopicLimits.AppendBytesMax)
            {
                HasOnePartEach &= added.Error is null && !openParts.ContainsKey(added.Partition);
                part = Parts.Count;
                Parts.Add(new PartitionAppend(added.Partition, RecordCount: 0, added.Batch, added.Error));
                joined.Add(default);
                if (added.Error is null)
                    openParts[added.Partition] = part;
            }

            partOfUnit[unit] = part;
            joined[part] = (joined[part].Units + 1, joined[part].LengthBytes + added.Batch.LengthBytes);
            Parts[part] = Parts[part] with { RecordCount = Parts[part].RecordCount + added.RecordCount };
        }

        Join(partOfUnit, joined);
        if (Parts.Count == 1)
            return;
        foreach (ref var value in _unitOfRecord.Span)
            value = partOfUnit[value];
        PartOfRecord = _unitOfRecord;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _room?.Dispose();
        _writers?.Dispose();
        _owned?.ForEach(static owned => owned.Dispose());
        _rented?.ForEach(static bytes => ArrayPool<byte>.Shared.Return(bytes));
        // No answer refers to it.
        if (RecordMemory is null)
            _recordMemory?.Dispose();
        (_owned, _rented) = (null, null);
    }

    /// <summary>Puts the batches of parts that have several behind one another.</summary>
    private void Join(int[] partOfUnit, List<(int Units, int LengthBytes)> joined)
    {
        var pieces = new AppendBatches[]?[Parts.Count];
        var counts = new int[Parts.Count];
        for (var unit = 0; unit < partOfUnit.Length; unit++)
        {
            var part = partOfUnit[unit];
            if (Parts[part].Error is null && joined[part].Units > 1)
                (pieces[part] ??= new AppendBatches[joined[part].Units])[counts[part]++] = _units[unit].Batch;
        }

        for (var part = 0; part < pieces.Length; part++)
        {
            if (pieces[part] is { } several)
                Parts[part] = Parts[part] with { Batches = new AppendBatches(several) };
        }
    }

    private RewriteRoom RoomIn(RewriteMemory memory) => _room ??= new RewriteRoom(memory);

    private int NextSequence(int partition) => _sequences?.GetValueOrDefault(partition, _identity!.BaseSequence) ?? _identity!.BaseSequence;

    private bool IsIdentitys(in RecordBatchHeader header) =>
        header.ProducerId == _identity!.ProducerId && header.ProducerEpoch == _identity.ProducerEpoch;

    private Memory<byte> Rent(int lengthBytes)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(lengthBytes);
        (_rented ??= []).Add(buffer);
        return buffer.AsMemory(0, lengthBytes);
    }

    private readonly record struct Unit(int Partition, int RecordCount, AppendBatches Batch, StreamError? Error);
}

/// <summary>One append to make, or records that are refused.</summary>
/// <param name="Partition">The partition, or -1.</param>
/// <param name="RecordCount">The count of records.</param>
/// <param name="Batches">The batches to append.</param>
/// <param name="Error">Why there is nothing to append.</param>
internal readonly record struct PartitionAppend(int Partition, int RecordCount, AppendBatches Batches, StreamError? Error);
