namespace OrleansStream.Storage;

/// <summary>
/// The store cannot be reached, or did not answer: a read failed, or the outcome of a write is unknown. Trying again helps.
/// </summary>
/// <param name="message">What was tried and what happened.</param>
/// <param name="innerException">The store's own error.</param>
public sealed class StoreUnavailableException(string message, Exception? innerException = null)
    : Exception(message, innerException);

/// <summary>The store has no room: nothing was written. Deleting data or adding room helps.</summary>
/// <param name="message">What was tried and how much room there is.</param>
/// <param name="innerException">The store's own error.</param>
public sealed class StoreFullException(string message, Exception? innerException = null)
    : Exception(message, innerException);

/// <summary>A segment that is to be read does not exist.</summary>
/// <param name="name">The segment's name.</param>
public sealed class SegmentNotFoundException(string name) : Exception($"There is no segment '{name}'.")
{
    /// <summary>The segment's name.</summary>
    public string Name { get; } = name;
}

/// <summary>A stored document fails its checksum or cannot be parsed. It must not be treated as missing.</summary>
/// <param name="name">The document's name.</param>
/// <param name="message">What is wrong with it.</param>
/// <param name="innerException">The parser's own error.</param>
public sealed class CorruptDocumentException(string name, string message, Exception? innerException = null)
    : Exception($"The document '{name}' is corrupt: {message}", innerException)
{
    /// <summary>The document's name.</summary>
    public string Name { get; } = name;
}
