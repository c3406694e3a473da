namespace OrleansStream.Client.Consuming;

/// <summary>
/// A handler of <see cref="StreamConsumer{T}.PartitionsAssigned"/>, <see cref="StreamConsumer{T}.PartitionsRevoked"/> or
/// <see cref="StreamConsumer{T}.PartitionsLost"/> threw, which ends the consumer. <see cref="Exception.InnerException"/> is what it threw. Records
/// that came with the change were not delivered; they come again, to whoever has the partitions.
/// </summary>
public sealed class PartitionsHandlerException : Exception
{
    /// <summary>An error without a message of its own.</summary>
    public PartitionsHandlerException()
        : this("A handler of partition changes threw.")
    {
    }

    /// <summary>An error without a cause.</summary>
    /// <param name="message">What is wrong.</param>
    public PartitionsHandlerException(string message)
        : this(message, null)
    {
    }

    /// <summary>An error that has a cause.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">What the handler threw.</param>
    public PartitionsHandlerException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
