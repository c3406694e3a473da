using OrleansStream.Client.Serialization;

namespace OrleansStream.Client.Producing;

/// <summary>How values of a type become bytes. It is looked up once, and not for each record.</summary>
/// <typeparam name="T">The type.</typeparam>
/// <param name="serializer">The type's serializer.</param>
/// <param name="changes">What <see cref="ValueSerializers.Changes"/> was when the serializer was looked up.</param>
internal sealed class ValueEncoder<T>(ISerializer<T> serializer, int changes)
{
    /// <summary>The type's serializer.</summary>
    public ISerializer<T> Serializer => serializer;

    /// <summary>The serializer, if values are bytes already; else null.</summary>
    public IPlainBytes<T>? Plain { get; } = serializer as IPlainBytes<T>;

    /// <summary>What <see cref="ValueSerializers.Changes"/> was when the serializer was looked up.</summary>
    public int Changes => changes;
}
