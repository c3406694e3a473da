namespace OrleansStream.Comparison.Driving;

/// <summary>What one connection asks and how it judges the answers. Used by one thread.</summary>
internal abstract class Exchange
{
    /// <summary>The records that an answer stands for.</summary>
    public abstract int RecordsPerRequest { get; }

    /// <summary>The payload bytes that an answer stands for.</summary>
    public abstract long BytesPerRequest { get; }

    /// <summary>Bytes sent once, before anything is measured; empty for none.</summary>
    public virtual ReadOnlyMemory<byte> Greeting => default;

    /// <summary>Reads the answer to the greeting.</summary>
    /// <param name="received">What has come so far.</param>
    /// <returns>Its length, or 0 when it is not whole yet.</returns>
    public virtual int TakeGreeting(ReadOnlySpan<byte> received) => 0;

    /// <summary>The bytes of the next requests; they stay as they are until the answers have come.</summary>
    /// <param name="requestsMax">At most so many.</param>
    /// <param name="requests">How many they are.</param>
    public abstract ReadOnlyMemory<byte> NextRequests(int requestsMax, out int requests);

    /// <summary>Reads one answer and checks it.</summary>
    /// <param name="received">What has come so far.</param>
    /// <param name="records">The records it stands for.</param>
    /// <param name="bytes">The payload bytes it stands for.</param>
    /// <returns>Its length, or 0 when it is not whole yet.</returns>
    /// <exception cref="UnexpectedAnswerException">It is not the one that success has.</exception>
    public abstract int TakeAnswer(ReadOnlySpan<byte> received, out int records, out long bytes);
}

/// <summary>An answer that is no success: the measurement is void.</summary>
/// <param name="message">What came.</param>
internal sealed class UnexpectedAnswerException(string message) : Exception(message);
