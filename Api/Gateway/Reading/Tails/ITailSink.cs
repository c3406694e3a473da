using OrleansStream.Errors;

namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>
/// Takes the events of a live tail, and writes them in a door's protocol. Only one caller uses it at a time. It need not send anything before
/// <see cref="FlushAsync"/>.
/// </summary>
/// <remarks>
/// Events with records, gaps or an unbound place are ended by <see cref="EndEvent"/>. After a record that had to wait,
/// <see cref="IRecordSink.GoOnAsync"/> comes first. All other events are complete by themselves.
/// </remarks>
public interface ITailSink : IRecordSink
{
    /// <summary>Tells the client that it is connected.</summary>
    void WriteConnected();

    /// <summary>Shows both ends that the connection is alive.</summary>
    void WriteHeartbeat();

    /// <summary>Tells the client of offsets that are skipped.</summary>
    /// <param name="gaps">The gaps, which are ended by one event. A client that is cut off before that event gets all of them again.</param>
    void WriteGaps(IEnumerable<TailGap> gaps);

    /// <summary>
    /// Tells a resumed client that its place named no topic. If the topic was created again since, the new topic's records before the place's offsets
    /// are skipped.
    /// </summary>
    /// <param name="topicId">The topic that is followed.</param>
    void WriteUnbound(Guid topicId);

    /// <summary>Tells the client once that a partition cannot be read. The tail goes on asking for it, and with the other partitions.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="offset">The next offset to read of it.</param>
    /// <param name="reason">Why it cannot be read.</param>
    void WriteUnavailable(int partition, long offset, StreamError reason);

    /// <summary>Tells the client why the tail ends.</summary>
    /// <param name="reason">The reason.</param>
    void WriteError(StreamError reason);

    /// <summary>
    /// Ends an event with the place to resume from. The place must come behind everything else in the event, because a client that is cut off within
    /// the event must not have the place yet. Without an event before it, only the place is sent.
    /// </summary>
    /// <param name="topicId">The topic to which the offsets belong.</param>
    /// <param name="offsets">The next offset of each partition, in order.</param>
    /// <param name="isPlaceNeeded">False when another event follows at once, so that a long place may be left out.</param>
    /// <returns>True when the place was sent.</returns>
    bool EndEvent(Guid topicId, ReadOnlySpan<long> offsets, bool isPlaceNeeded);

    /// <summary>Sends what has gathered.</summary>
    /// <exception cref="OperationCanceledException">The tail is ended, or its reader has gone.</exception>
    ValueTask FlushAsync();
}
