namespace OrleansStream.Storage;

/// <summary>
/// Append-only byte sequences with single-writer appends: one of the two contracts that everything durable stands on.
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

    /// <summary>Makes an empty segment.</summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    /// <returns>False when a segment of that name exists; it is left as it is.</returns>
    /// <exception cref="StoreUnavailableException">The outcome is not known: the segment may exist now.</exception>
    /// <exception cref="StoreFullException">There is no room for another segment.</exception>
    ValueTask<bool> CreateAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Appends bytes when the segment's length is what the writer believes it to be.</summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="expectedPosition">The length, in bytes, the segment must have for the append to take effect.</param>
    /// <param name="bytes">1 to <see cref="SegmentStoreLimits.AppendBytesMax"/> bytes; not changed until the call ends.</param>
    /// <param name="cancellationToken">Cancels before the request is sent; later it gives <see cref="AppendStatus.Unknown"/>.</param>
    /// <returns>What is known of the outcome. An expected failure is a status, never an exception.</returns>
    ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default);

    /// <summary>Appends bytes at the segment's end, wherever it is: for fences, which are harmless when repeated.</summary>
    /// <inheritdoc cref="AppendAsync" path="/param"/>
    /// <returns>As <see cref="AppendAsync"/>, but <see cref="AppendStatus.Conflict"/> only while the segment is unsettled.</returns>
    ValueTask<AppendOutcome> AppendAnywhereAsync(
        string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default);

    /// <summary>Closes a segment to all further appends; repeating it is harmless, and a missing segment is no error.</summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    ValueTask SealAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>
    /// Cuts the torn tail of an unsettled segment, durably; from then on it takes appends again.
    /// </summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="length">The end of its last whole batch: from <see cref="SegmentExtent.DurableLength"/> to
    /// <see cref="SegmentExtent.Length"/>.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    /// <returns>The segment's extent now; when it was settled already nothing is cut and its extent is returned.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The length lies outside those bounds of an unsettled segment.</exception>
    /// <exception cref="SegmentNotFoundException">There is no such segment.</exception>
    ValueTask<SegmentExtent> SettleAsync(string name, long length, CancellationToken cancellationToken = default);

    /// <summary>Deletes a segment; deleting a missing one is no error.</summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default);
}

/// <summary>The bounds of one append and one segment in a store.</summary>
/// <param name="AppendBytesMax">The most bytes one append may carry (Azure: 4 MiB a block).</param>
/// <param name="AppendCountMax">The most appends a segment takes before it must roll (Azure: 50,000 blocks a blob).</param>
/// <param name="ReplicationFactor">The copies of each byte the store keeps, as it reports them.</param>
public readonly record struct SegmentStoreLimits(int AppendBytesMax, int AppendCountMax, int ReplicationFactor);

/// <summary>What is known of an append once the call has ended.</summary>
public enum AppendStatus
{
    /// <summary>The bytes are durable at the expected position.</summary>
    Appended,

    /// <summary>
    /// Nothing was appended by this call: the segment's length is another (an earlier try of the same bytes may have made
    /// it so), or the segment is unsettled and must be settled first.
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

    /// <summary>The bytes may or may not be there, now or later. Read at the position to find out.</summary>
    Unknown,

    /// <summary>
    /// A write or sync failed on the store's own medium. The bytes may be visible without being durable, and nothing more
    /// is appended to this segment: it must be cut at its last durable end by the manifest and a new one begun.
    /// </summary>
    Broken,
}

/// <summary>The outcome of an append.</summary>
/// <param name="Status">What is known.</param>
/// <param name="Length">The segment's length in bytes where the store told it, else -1.</param>
public readonly record struct AppendOutcome(AppendStatus Status, long Length);

/// <summary>Where a segment ends.</summary>
/// <param name="DurableLength">Every byte below this was reported durable at some time: damage there is corruption.</param>
/// <param name="Length">The end of what the store holds. Above <paramref name="DurableLength"/> it may be a torn tail.</param>
/// <param name="Settled">True when the two are equal for certain and the segment takes appends (or is sealed).</param>
/// <param name="Sealed">True when the segment takes no more appends.</param>
/// <param name="AppendCount">The count of appends it took, as far as the store counts them, else 0.</param>
public readonly record struct SegmentExtent(long DurableLength, long Length, bool Settled, bool Sealed, int AppendCount);

/// <summary>One segment of a listing.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">Its length in bytes, as <see cref="SegmentExtent.Length"/>.</param>
/// <param name="LastModified">When it last changed, by the store's clock.</param>
public readonly record struct SegmentInfo(string Name, long Length, DateTimeOffset LastModified);
