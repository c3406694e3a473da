using OrleansStream.Client.Connections;

namespace OrleansStream.Client.Producing;

/// <summary>Why a producer does not take a record.</summary>
internal static class NotTaken
{
    /// <summary>Why the records of a list behind one that was not taken are not taken, either; null when they are to be tried.</summary>
    /// <param name="error">Why that one was not taken.</param>
    /// <param name="isGapless">Whether the producer sends none behind a record that is missing.</param>
    public static StreamServiceException? Behind(StreamServiceException error, bool isGapless) => isGapless
        ? new StreamServiceException(
            $"It was not taken: an earlier record of its list was not ({error.ErrorCode}), and a gapless producer sends none behind it.", error)
        {
            ErrorCode = StreamServiceException.GaplessGuarantee,
        }
        : error.ErrorCode is "MESSAGE_TOO_LARGE" or "INVALID_RECORD" ? null : error;

    /// <summary>The record is larger than a batch may be.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="lengthBytes">The most bytes that it adds to a batch.</param>
    public static StreamServiceException TooLarge(string topic, int lengthBytes) =>
        new($"The record takes {lengthBytes} bytes; a record of '{topic}' takes at most {ProducerLimits.BatchBytesMax}, and less if the topic's max.message.bytes says so. Store the payload elsewhere and send its address.")
        {
            ErrorCode = "MESSAGE_TOO_LARGE",
        };
}
