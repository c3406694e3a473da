using System.Buffers;
using OrleansStream.Errors;

namespace OrleansStream.Topics;

/// <summary>The rules for topic names, which are Kafka's.</summary>
/// <remarks>Source: <c>org.apache.kafka.common.internals.Topic.validate</c>.</remarks>
public static class TopicName
{
    private static readonly SearchValues<char> Characters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    /// <summary>Checks a name.</summary>
    /// <param name="name">The name.</param>
    /// <returns>Null when the name is valid; else <see cref="StreamErrorCode.InvalidTopicException"/>, saying what is allowed.</returns>
    public static StreamError? Validate(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var isValid = name.Length is > 0 and <= TopicLimits.NameLengthMax
            && name is not ("." or "..")
            && !name.AsSpan().ContainsAnyExcept(Characters);
        return isValid ? null : new StreamError(
            StreamErrorCode.InvalidTopicException,
            $"A topic's name is 1 to {TopicLimits.NameLengthMax} characters of a-z, A-Z, 0-9, '.', '_' and '-', and not '.' or '..'.")
        {
            Field = "topic",
        };
    }
}
