namespace OrleansStream.Storage;

/// <summary>
/// Append-only byte sequences with single-writer appends. This and <see cref="IDocumentStore"/> are the two contracts on which everything durable
/// rests.
/// </summary>
/// <remarks>
/// <list type="number">
/// <item>S1 A successful append is durable before it is reported, and is read back unchanged until the segment is deleted.</item>
/// <item>S2 An append takes effect wholly at <c>expectedPosition</c> or not at all; after a crash of the machine the one
/// append that was under way may have left a torn tail, which <see cref="ISegmentReader.GetExtentAsync"/> reports as unsettled.</item>
/// <item>S3 An append at a position that is not the segment's length has no effect and is a
/// <see cref="AppendStatus.Conflict"/>.</item>
/// <item>S4 After <see cref="AppendStatus.Unknown"/> the append may have taken effect, may take effect later, or never.</item>
/// <item>S5 Nothing is ever appended to a sealed segment.</item>
/// </list>
/// Names are relative paths of <c>[0-9a-zA-Z.-]</c> parts joined by <c>/</c>; another name throws
/// <see cref="ArgumentException"/>. Every method throws <see cref="StoreUnavailableException"/> when the store cannot
/// be reached, unless it has a status for that, and <see cref="OperationCanceledException"/> only while nothing was sent.
/// </remarks>
public interface ISegmentStore : ISegmentReader
{
    /// <summary>The bounds of one append and one segment in this store.</summary>
    SegmentStoreLimits Limits { get; }

    /// <summary>Creates an empty segment.</summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    /// <returns>False when a segment of that name exists; it is left as it is.</returns>
    /// <exception cref="StoreUnavailableException">The outcome is unknown: the segment may exist now.</exception>
    /// <exception cref="StoreFullException">There is no room for another segment.</exception>
    ValueTask<bool> CreateAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Appends bytes if the segment has the length that the writer expects.</summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="expectedPosition">The length in bytes that the segment must have for the append to take effect.</param>
    /// <param name="bytes">1 to <see cref="SegmentStoreLimits.AppendBytesMax"/> bytes. The caller must not change them until the call ends.</param>
    /// <param name="cancellationToken">Cancels before the request is sent. After that the result is <see cref="AppendStatus.Unknown"/>.</param>
    /// <returns>What is known of the outcome. Expected failures are statuses, never exceptions.</returns>
    ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="AppendAsync"/>, but may keep the caller's thread until the bytes are durable.</summary>
    /// <inheritdoc cref="AppendAsync"/>
    ValueTask<AppendOutcome> AppendHereAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default) =>
        AppendAsync(name, expectedPosition, bytes, cancellationToken);

    /// <summary>Appends bytes at the segment's end, wherever it is. It is meant for fences, which may be repeated without harm.</summary>
    /// <inheritdoc cref="AppendAsync" path="/param"/>
    /// <returns>As <see cref="AppendAsync"/>, but with <see cref="AppendStatus.Conflict"/> only while the segment is unsettled.</returns>
    ValueTask<AppendOutcome> AppendAnywhereAsync(
        string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default);

    /// <summary>Closes a segment to all further appends; repeating it is harmless, and a missing segment is no error.</summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    ValueTask SealAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>
    /// Durably cuts the torn tail of an unsettled segment. After that the segment takes appends again.
    /// </summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="length">
    /// The end of its last whole batch: from <see cref="SegmentExtent.DurableLength"/> to <see cref="SegmentExtent.Length"/>.
    /// </param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    /// <returns>The segment's extent now. When the segment was settled already, nothing is cut.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The segment is unsettled, and the length is outside these bounds.</exception>
    /// <exception cref="SegmentNotFoundException">There is no such segment.</exception>
    ValueTask<SegmentExtent> SettleAsync(string name, long length, CancellationToken cancellationToken = default);

    /// <summary>Deletes a segment; deleting a missing one is no error.</summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default);
}

/// <summary>The bounds of one append and one segment in a store.</summary>
/// <param name="AppendBytesMax">The most bytes of one append (Azure: 4 MiB a block).</param>
/// <param name="AppendCountMax">The most appends to a segment before it must roll (Azure: 50,000 blocks a blob).</param>
/// <param name="ReplicationFactor">The copies of each byte the store keeps, as it reports them.</param>
public readonly record struct SegmentStoreLimits(int AppendBytesMax, int AppendCountMax, int ReplicationFactor);

/// <summary>What is known of an append once the call has ended.</summary>
public enum AppendStatus
{
    /// <summary>The bytes are durable at the expected position.</summary>
    Appended,

    /// <summary>
    /// This call appended nothing. Either the segment has another length (an earlier try of the same bytes may have made it so), or the segment is
    /// unsettled and must be settled first.
    /// </summary>
    Conflict,

    /// <summary>Nothing was appended: the segment is sealed.</summary>
    Sealed,

    /// <summary>Nothing was appended: there is no such segment.</summary>
    NotFound,

    /// <summary>Nothing was appended: the segment has reached the store's append count or size. It must roll.</summary>
    SegmentFull,

    /// <summary>Nothing was appended: the store has no room. Waiting or deleting helps.</summary>
    StoreFull,

    /// <summary>The bytes may be there, now or later, or never. Read at the position to find out.</summary>
    Unknown,

    /// <summary>
    /// A write or sync failed on the store's own medium. The bytes may be visible without being durable, and the segment takes no more appends. The
    /// manifest must cut it at its last durable end, and a new segment must be begun.
    /// </summary>
    Broken,
}

/// <summary>The outcome of an append.</summary>
/// <param name="Status">What is known.</param>
/// <param name="Length">The segment's length in bytes if the store told it, else -1.</param>
public readonly record struct AppendOutcome(AppendStatus Status, long Length);

/// <summary>Where a segment ends.</summary>
/// <param name="DurableLength">Every byte below this was reported durable at some time, so damage there is corruption.</param>
/// <param name="Length">The end of what the store holds. From <paramref name="DurableLength"/> on it may be a torn tail.</param>
/// <param name="Settled">True when both lengths are certainly equal, and the segment takes appends or is sealed.</param>
/// <param name="Sealed">True when the segment takes no more appends.</param>
/// <param name="AppendCount">The count of appends to the segment, if the store counts them, else 0.</param>
public readonly record struct SegmentExtent(long DurableLength, long Length, bool Settled, bool Sealed, int AppendCount);

/// <summary>One segment of a listing.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">Its length in bytes, as <see cref="SegmentExtent.Length"/>.</param>
/// <param name="LastModified">When it last changed, by the store's clock.</param>
public readonly record struct SegmentInfo(string Name, long Length, DateTimeOffset LastModified);
