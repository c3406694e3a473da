using OrleansStream.Errors;

namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>
/// Takes the events of a live tail as a door's protocol writes them. It is called by one at a time, and nothing has to be sent before
/// <see cref="FlushAsync"/>.
/// </summary>
/// <remarks>
/// Events of records, of gaps and of an unbound place are ended by <see cref="EndEvent"/>, which comes behind the
/// <see cref="IRecordSink.GoOnAsync"/> of a record that had to wait. The others are whole by themselves.
/// </remarks>
public interface ITailSink : IRecordSink
{
    /// <summary>Tells the client that it is connected.</summary>
    void WriteConnected();

    /// <summary>Shows both ends that the connection lives.</summary>
    void WriteHeartbeat();

    /// <summary>Tells of offsets that are passed over.</summary>
    /// <param name="gaps">The gaps, which have one end: a client that was cut off before it gets all of them again.</param>
    void WriteGaps(IEnumerable<TailGap> gaps);

    /// <summary>
    /// Tells a client that came back that its place named no topic: if the topic was created anew since, its records before the place's offsets
    /// are passed over.
    /// </summary>
    /// <param name="topicId">The topic that is followed.</param>
    void WriteUnbound(Guid topicId);

    /// <summary>Tells once of a partition that cannot be read. It is asked on, and the others go on.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="offset">The next offset to be read of it.</param>
    /// <param name="reason">Why.</param>
    void WriteUnavailable(int partition, long offset, StreamError reason);

    /// <summary>Tells why the tail ends.</summary>
    /// <param name="reason">Why.</param>
    void WriteError(StreamError reason);

    /// <summary>
    /// Ends an event with the place to resume from, which must come behind all else of it: a client that is cut off within the event must not
    /// have the place yet. Without an event before it, the place alone is told.
    /// </summary>
    /// <param name="topicId">The topic that the offsets belong to.</param>
    /// <param name="offsets">The next offset of each partition, in order.</param>
    /// <param name="isPlaceNeeded">False when the place may be left out where it is long, since another event follows at once.</param>
    /// <returns>True when the place was told.</returns>
    bool EndEvent(Guid topicId, ReadOnlySpan<long> offsets, bool isPlaceNeeded);

    /// <summary>Sends what has gathered.</summary>
    /// <exception cref="OperationCanceledException">The tail is ended, or its reader has gone.</exception>
    ValueTask FlushAsync();
}
