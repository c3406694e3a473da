namespace OrleansStream.Kafka.Wire;

/// <summary>The bytes of a request are not what its API and version say: nothing in it can be trusted, and its connection is closed.</summary>
/// <param name="message">What is wrong, for the service's log.</param>
internal sealed class MalformedFrameException(string message) : Exception(message);
