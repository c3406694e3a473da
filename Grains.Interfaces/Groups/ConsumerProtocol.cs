using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace OrleansStream.Groups;

/// <summary>
/// What consumers of the classic protocol tell each other through their group: which topics they read, and who reads what. A group passes these
/// bytes on unread; this reads them for people, and writes them for members that the group assigns itself.
/// </summary>
/// <remarks>
/// Source: <c>ConsumerProtocolSubscription.json</c> and <c>ConsumerProtocolAssignment.json</c> of Kafka's clients. Integers are big-endian; a string
/// has two bytes of length, an array and bytes have four. Later versions only add fields behind those that are read here.
/// </remarks>
public static class ConsumerProtocol
{
    /// <summary>The kind of group that consumers are in.</summary>
    public const string Type = "consumer";

    /// <summary>Reads the topics of a subscription.</summary>
    /// <param name="subscription">A member's metadata.</param>
    /// <param name="topics">The topics, in its order; empty when it cannot be read.</param>
    /// <returns>False when it is no subscription.</returns>
    public static bool TryReadTopics(ReadOnlySpan<byte> subscription, out ImmutableArray<string> topics)
    {
        var reader = new Reader(subscription);
        var found = ImmutableArray.CreateBuilder<string>();
        var count = reader.ReadVersion() ? reader.ReadCount(elementBytesMin: 2) : -1;
        for (var i = 0; i < count; i++)
            found.Add(reader.ReadString());
        topics = count < 0 || reader.IsBroken ? [] : found.ToImmutable();
        return count >= 0 && !reader.IsBroken;
    }

    /// <summary>Reads an assignment.</summary>
    /// <param name="assignment">What a leader assigned to a member; empty for nothing.</param>
    /// <param name="partitions">The partitions, topic by topic; empty when it cannot be read.</param>
    /// <returns>False when it is no assignment.</returns>
    public static bool TryReadAssignment(ReadOnlySpan<byte> assignment, out ImmutableArray<(string Topic, int Partition)> partitions)
    {
        partitions = [];
        if (assignment.IsEmpty)
            return true;
        var reader = new Reader(assignment);
        var found = ImmutableArray.CreateBuilder<(string, int)>();
        var topics = reader.ReadVersion() ? reader.ReadCount(elementBytesMin: 6) : -1;
        for (var i = 0; i < topics; i++)
        {
            var topic = reader.ReadString();
            var count = reader.ReadCount(elementBytesMin: 4);
            for (var p = 0; p < count; p++)
                found.Add((topic, reader.ReadInt32()));
        }

        if (topics < 0 || reader.IsBroken)
            return false;
        partitions = found.ToImmutable();
        return true;
    }

    /// <summary>Writes a subscription of version 0.</summary>
    /// <param name="topics">The topics.</param>
    public static byte[] WriteSubscription(IReadOnlyCollection<string> topics)
    {
        var bytes = new ArrayBufferWriter<byte>();
        WriteInt16(bytes, 0);
        WriteInt32(bytes, topics.Count);
        foreach (var topic in topics)
            WriteString(bytes, topic);
        WriteInt32(bytes, -1);
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>Writes an assignment of version 0.</summary>
    /// <param name="partitions">The partitions, by topic.</param>
    public static byte[] WriteAssignment(IEnumerable<(string Topic, int Partition)> partitions)
    {
        var bytes = new ArrayBufferWriter<byte>();
        var topics = partitions.GroupBy(one => one.Topic, one => one.Partition, StringComparer.Ordinal).ToArray();
        WriteInt16(bytes, 0);
        WriteInt32(bytes, topics.Length);
        foreach (var topic in topics)
        {
            WriteString(bytes, topic.Key);
            WriteInt32(bytes, topic.Count());
            foreach (var partition in topic)
                WriteInt32(bytes, partition);
        }

        WriteInt32(bytes, -1);
        return bytes.WrittenSpan.ToArray();
    }

    private static void WriteInt16(ArrayBufferWriter<byte> bytes, short value)
    {
        BinaryPrimitives.WriteInt16BigEndian(bytes.GetSpan(sizeof(short)), value);
        bytes.Advance(sizeof(short));
    }

    private static void WriteInt32(ArrayBufferWriter<byte> bytes, int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(bytes.GetSpan(sizeof(int)), value);
        bytes.Advance(sizeof(int));
    }

    private static void WriteString(ArrayBufferWriter<byte> bytes, string text)
    {
        WriteInt16(bytes, checked((short)Encoding.UTF8.GetByteCount(text)));
        Encoding.UTF8.GetBytes(text, bytes);
    }

    /// <summary>Reads fields, and trusts no length.</summary>
    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _left = bytes;

        /// <summary>True once a field reached beyond the end.</summary>
        public bool IsBroken { get; private set; }

        public bool ReadVersion() => Take(sizeof(short)) is { Length: > 0 } version && BinaryPrimitives.ReadInt16BigEndian(version) >= 0;

        public int ReadInt32() => Take(sizeof(int)) is { Length: > 0 } value ? BinaryPrimitives.ReadInt32BigEndian(value) : 0;

        public int ReadCount(int elementBytesMin)
        {
            var count = ReadInt32();
            if (count >= 0 && count <= _left.Length / elementBytesMin)
                return count;
            IsBroken = true;
            return 0;
        }

        public string ReadString()
        {
            var length = Take(sizeof(short)) is { Length: > 0 } bytes ? BinaryPrimitives.ReadInt16BigEndian(bytes) : (short)0;
            return Encoding.UTF8.GetString(Take(length));
        }

        private ReadOnlySpan<byte> Take(int length)
        {
            if (length < 0 || length > _left.Length)
            {
                IsBroken = true;
                return default;
            }

            var taken = _left[..length];
            _left = _left[length..];
            return taken;
        }
    }
}
