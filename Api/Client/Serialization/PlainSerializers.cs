using System.Buffers;
using System.Text;

namespace OrleansStream.Client.Serialization;

/// <summary>Of values that are bytes already: they are sent from where they lie.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
internal interface IPlainBytes<in T>
{
    /// <summary>A value's bytes, without a copy.</summary>
    /// <param name="value">The value.</param>
    ReadOnlyMemory<byte> BytesOf(T value);
}

/// <summary>Text as UTF-8.</summary>
internal sealed class TextSerializer : ISerializer<string>
{
    public void Serialize(string value, IBufferWriter<byte> destination) => Encoding.UTF8.GetBytes(value, destination);

    public string Deserialize(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}

/// <summary>Bytes as they are.</summary>
internal sealed class BytesSerializer : ISerializer<byte[]>, IPlainBytes<byte[]>
{
    public ReadOnlyMemory<byte> BytesOf(byte[] value) => value;

    public void Serialize(byte[] value, IBufferWriter<byte> destination) => destination.Write(value);

    public byte[] Deserialize(ReadOnlySpan<byte> bytes) => bytes.ToArray();
}

/// <summary>Bytes as they are, without a copy when they are sent.</summary>
internal sealed class MemorySerializer : ISerializer<ReadOnlyMemory<byte>>, IPlainBytes<ReadOnlyMemory<byte>>
{
    public ReadOnlyMemory<byte> BytesOf(ReadOnlyMemory<byte> value) => value;

    public void Serialize(ReadOnlyMemory<byte> value, IBufferWriter<byte> destination) => destination.Write(value.Span);

    public ReadOnlyMemory<byte> Deserialize(ReadOnlySpan<byte> bytes) => bytes.ToArray();
}
