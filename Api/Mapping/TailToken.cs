using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using OrleansStream.Api.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Api.Mapping;

/// <summary>
/// Where a live tail stands: the next offset of each partition, written as <c>0:17,1:4</c>. It is the id of an event, so that a
/// client that was cut off goes on behind the last event it saw.
/// </summary>
internal static class TailToken
{
    private const string Form = "partition:offset pairs such as 0:17,1:4, as an event's id gives them";
    private const int PairBytesMax = 32;

    /// <summary>Writes positions.</summary>
    /// <param name="positions">The next offset of each partition, in order.</param>
    /// <param name="writer">Where to.</param>
    public static void Write(ReadOnlySpan<long> positions, IBufferWriter<byte> writer)
    {
        for (int partition = 0; partition < positions.Length; partition++)
        {
            Span<byte> room = writer.GetSpan(PairBytesMax);
            int length = 0;
            if (partition > 0)
                room[length++] = (byte)',';
            Utf8Formatter.TryFormat(partition, room[length..], out int written);
            length += written;
            room[length++] = (byte)':';
            Utf8Formatter.TryFormat(positions[partition], room[length..], out written);
            writer.Advance(length + written);
        }
    }

    /// <summary>Reads positions.</summary>
    /// <param name="token">What <see cref="Write"/> wrote.</param>
    /// <exception cref="RequestException">It is no token.</exception>
    public static Dictionary<int, long> Parse(string token)
    {
        if (token.Length > Limits.TailTokenBytesMax)
            throw RequestException.Malformed("Last-Event-ID", $"'Last-Event-ID' is longer than {Limits.TailTokenBytesMax} characters.");
        var positions = new Dictionary<int, long>();
        foreach (Range range in token.AsSpan().Split(','))
        {
            ReadOnlySpan<char> pair = token.AsSpan(range);
            int colon = pair.IndexOf(':');
            bool isPair = colon > 0
                && int.TryParse(pair[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out int partition)
                && partition < TopicLimits.PartitionsMax
                && long.TryParse(pair[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out long offset)
                && positions.TryAdd(partition, offset);
            if (!isPair)
                throw RequestException.Malformed("Last-Event-ID", $"'Last-Event-ID' is '{Parameters.Shown(token)}'; expected {Form}.");
        }

        return positions;
    }
}
