using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// The cursor of an answer to a poll: by what the group recognizes the member, and the next offset of each of its partitions. The member sends it
/// with its next poll. It is all that a server needs to know of a consumer, so any server can serve any member.
/// </summary>
/// <param name="Token">By this the group recognizes the member.</param>
/// <param name="Offsets">The next offset of each partition.</param>
public sealed record GroupCursor(MemberToken Token, IReadOnlyList<PartitionOffset> Offsets)
{
    private const byte Version = 2;
    private const int ChecksumBytes = 4;

    /// <summary>The records that wait in place: those that the answer delivered, and those that it passed over.</summary>
    public IReadOnlyList<PartitionHolds> Holds { get; init; } = [];

    /// <summary>Writes the cursor as text of letters, digits, '-' and '_'.</summary>
    /// <param name="group">The group of the cursor.</param>
    /// <param name="member">The member of the cursor.</param>
    public string Write(string group, string member)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(Version);
        writer.Write(Token.GroupId.ToByteArray());
        writer.Write7BitEncodedInt64(Token.Epoch);
        IGrouping<Guid, PartitionOffset>[] topics = [.. Offsets.GroupBy(offset => offset.TopicId)];
        writer.Write7BitEncodedInt(topics.Length);
        foreach (var topic in topics)
        {
            writer.Write(topic.Key.ToByteArray());
            writer.Write7BitEncodedInt(topic.Count());
            foreach (var offset in topic)
            {
                writer.Write7BitEncodedInt(offset.Partition);
                writer.Write7BitEncodedInt64(offset.Offset);
            }
        }

        writer.Write7BitEncodedInt(Holds.Count);
        foreach (var holds in Holds)
        {
            writer.Write(holds.TopicId.ToByteArray());
            writer.Write7BitEncodedInt(holds.Partition);
            Write(writer, holds.Done);
            Write(writer, holds.Waiting);
        }

        writer.Write(Checksum(group, member, bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
        return Base64Url.EncodeToString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    /// <summary>Reads a cursor.</summary>
    /// <param name="text">The text.</param>
    /// <param name="group">The group whose cursor it must be.</param>
    /// <param name="member">The member whose cursor it must be.</param>
    /// <exception cref="StreamException">The text is not a cursor, or it is another member's.</exception>
    public static GroupCursor Read(string text, string group, string member)
    {
        if (text.Length > PollLimits.GroupCursorLengthMax)
            throw Malformed();
        try
        {
            var bytes = Base64Url.DecodeFromChars(text);
            if (bytes.Length <= ChecksumBytes
                || BitConverter.ToUInt32(bytes.AsSpan(^ChecksumBytes)) != Checksum(group, member, bytes.AsSpan(..^ChecksumBytes)))
            {
                throw Malformed();
            }

            using var reader = new BinaryReader(new MemoryStream(bytes, 0, bytes.Length - ChecksumBytes));
            var cursor = reader.ReadByte() == Version ? Read(reader) : null;
            var isWhole = cursor is not null && reader.BaseStream.Position == reader.BaseStream.Length;
            return isWhole && cursor!.IsPossible() ? cursor : throw Malformed();
        }
        catch (Exception exception) when (exception is FormatException or EndOfStreamException or ArgumentException)
        {
            throw Malformed();
        }
    }

    private static GroupCursor Read(BinaryReader reader)
    {
        var token = new MemberToken(new Guid(reader.ReadBytes(16)), reader.Read7BitEncodedInt64());
        var offsets = new List<PartitionOffset>();
        for (var topics = reader.Read7BitEncodedInt(); topics > 0; topics--)
        {
            var topic = new Guid(reader.ReadBytes(16));
            for (var partitions = reader.Read7BitEncodedInt(); partitions > 0; partitions--)
                offsets.Add(new PartitionOffset(topic, reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt64()));
        }

        var holds = new List<PartitionHolds>();
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
            holds.Add(new PartitionHolds(new Guid(reader.ReadBytes(16)), reader.Read7BitEncodedInt(), ReadHeld(reader), [], ReadHeld(reader)));
        return new GroupCursor(token, offsets) { Holds = holds };
    }

    /// <summary>
    /// False for a cursor that no answer has. Whoever knows the format can make a cursor, so other code relies on this check for distinct partitions
    /// and for numbers within their bounds.
    /// </summary>
    private bool IsPossible()
    {
        var places = new HashSet<(Guid, int)>();
        foreach (var offset in Offsets)
        {
            if (!IsPartition(offset.Partition) || offset.Offset < 0 || !places.Add((offset.TopicId, offset.Partition)))
                return false;
        }

        places.Clear();
        foreach (var holds in Holds)
        {
            var isPossible = IsPartition(holds.Partition) && places.Add((holds.TopicId, holds.Partition))
                && ArePossible(holds.Done) && ArePossible(holds.Waiting);
            if (!isPossible)
                return false;
        }

        return Token.Epoch >= 0;
    }

    private static bool IsPartition(int partition) => partition is >= 0 and < TopicLimits.PartitionsMax;

    private static bool ArePossible(ImmutableArray<HeldOffset> held)
    {
        var offsets = new HashSet<long>();
        return held.All(one => one is { Offset: >= 0, Attempt: >= 0 and <= GroupLimits.AttemptsMax } && offsets.Add(one.Offset));
    }

    private static void Write(BinaryWriter writer, ImmutableArray<HeldOffset> held)
    {
        writer.Write7BitEncodedInt(held.Length);
        foreach (var one in held)
        {
            writer.Write7BitEncodedInt64(one.Offset);
            writer.Write7BitEncodedInt(one.Attempt);
            writer.Write(one.Key is not null);
            writer.Write(one.Key ?? 0);
        }
    }

    private static ImmutableArray<HeldOffset> ReadHeld(BinaryReader reader)
    {
        var held = ImmutableArray.CreateBuilder<HeldOffset>();
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            (var offset, var attempt, var hasKey, var key) =
                (reader.Read7BitEncodedInt64(), reader.Read7BitEncodedInt(), reader.ReadBoolean(), reader.ReadInt32());
            held.Add(new HeldOffset(offset, hasKey ? key : null, attempt, DueMs: 0));
        }

        return held.ToImmutable();
    }

    // The checksum protects only against mistakes, such as a cut or another member's cursor. Whoever may poll may set any offset anyway.
    private static uint Checksum(string group, string member, ReadOnlySpan<byte> payload) =>
        Crc32C.Compute([.. Encoding.UTF8.GetBytes($"{group}\n{member}\n"), .. payload]);

    private static StreamException Malformed() => StreamException.InvalidRequest(
        "cursor", "'cursor' is not a cursor of this member. Send the cursor of the member's last answer unchanged, or leave it out to start again.");
}
