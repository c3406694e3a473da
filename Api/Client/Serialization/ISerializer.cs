using System.Buffers;

namespace OrleansStream.Client.Serialization;

/// <summary>Turns values into the bytes of records, and back. It is called from several threads at once.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
public interface ISerializer<T>
{
    /// <summary>Writes a value.</summary>
    /// <param name="value">The value; never null: a record without a value is a tombstone.</param>
    /// <param name="destination">Takes the bytes. It may be used only during the call.</param>
    void Serialize(T value, IBufferWriter<byte> destination);

    /// <summary>Reads a value.</summary>
    /// <param name="bytes">A record's value. The bytes may be used only during the call.</param>
    /// <returns>The value.</returns>
    T Deserialize(ReadOnlySpan<byte> bytes);
}
