using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using OrleansStream.Gateway.Reading.Tails;
using OrleansStream.Rest.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Fetch;

/// <summary>
/// Writes a <see cref="TailPlace"/> as the id of an event, and reads it back, so that a client that was cut off goes on behind the last event it saw.
/// The id has the next offset of each partition and the topic's id, for example <c>0:17,1:4@6f9619ff8b86d011b42d00c04fc964ff</c>. Without the topic's
/// id, a tail would go on at old offsets in a topic that was deleted and created again.
/// </summary>
internal static class TailToken
{
    private const string Form =
        "partition:offset pairs and the topic's id, such as 0:17,1:4@6f9619ff8b86d011b42d00c04fc964ff, as an event's id gives them";
    private const int PairBytesMax = 32;
    private const int TopicIdBytes = 32;
    private const char BeforeTopicId = '@';
    private const string TopicIdFormat = "N";

    /// <summary>Writes a place.</summary>
    /// <param name="topicId">The topic to which the offsets belong.</param>
    /// <param name="offsets">The next offset of each partition, in order.</param>
    /// <param name="writer">Takes the token.</param>
    public static void Write(Guid topicId, ReadOnlySpan<long> offsets, IBufferWriter<byte> writer)
    {
        for (var partition = 0; partition < offsets.Length; partition++)
        {
            var room = writer.GetSpan(PairBytesMax);
            var length = 0;
            if (partition > 0)
                room[length++] = (byte)',';
            Utf8Formatter.TryFormat(partition, room[length..], out var written);
            length += written;
            room[length++] = (byte)':';
            Utf8Formatter.TryFormat(offsets[partition], room[length..], out written);
            writer.Advance(length + written);
        }

        var end = writer.GetSpan(1 + TopicIdBytes);
        end[0] = (byte)BeforeTopicId;
        topicId.TryFormat(end[1..], out var idBytes, TopicIdFormat);
        writer.Advance(1 + idBytes);
    }

    /// <summary>Reads a place.</summary>
    /// <param name="token">The result of <see cref="Write"/>, from this version or an older one, which left out the topic's id.</param>
    /// <exception cref="RequestException">The text is not a token.</exception>
    public static TailPlace Parse(string token)
    {
        if (token.Length > FetchLimits.TailTokenBytesMax)
            throw RequestException.Malformed("Last-Event-ID", $"'Last-Event-ID' is longer than {FetchLimits.TailTokenBytesMax} characters.");
        var end = token.IndexOf(BeforeTopicId);
        Guid? topicId = null;
        if (end >= 0)
        {
            if (!Guid.TryParseExact(token.AsSpan(end + 1), TopicIdFormat, out var id))
                throw Malformed(token);
            topicId = id;
        }

        return new TailPlace(topicId, ParseOffsets(token, end < 0 ? token.Length : end));
    }

    private static Dictionary<int, long> ParseOffsets(string token, int length)
    {
        var offsets = new Dictionary<int, long>();
        var pairs = token.AsSpan(0, length);
        foreach (var range in pairs.Split(','))
        {
            var pair = pairs[range];
            var colon = pair.IndexOf(':');
            var isPair = colon > 0
                && int.TryParse(pair[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var partition)
                && partition < TopicLimits.PartitionsMax
                && long.TryParse(pair[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
                && offsets.TryAdd(partition, offset);
            if (!isPair)
                throw Malformed(token);
        }

        return offsets;
    }

    private static RequestException Malformed(string token) =>
        RequestException.Malformed("Last-Event-ID", $"'Last-Event-ID' is '{RequestException.Shown(token)}'; expected {Form}.");
}
