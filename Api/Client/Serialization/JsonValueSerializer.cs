using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace OrleansStream.Client.Serialization;

/// <summary>Values as JSON, by System.Text.Json. With type information of a source-generated context it needs no reflection.</summary>
/// <typeparam name="T">The type of the values.</typeparam>
/// <param name="type">How the type is written and read.</param>
public sealed class JsonValueSerializer<T>(JsonTypeInfo<T> type) : ISerializer<T>
{
    // A writer costs as much as a small value, so each thread keeps one, with the serializer that made it.
    [ThreadStatic]
    private static Utf8JsonWriter? _writer;

    [ThreadStatic]
    private static JsonValueSerializer<T>? _owner;

    /// <inheritdoc/>
    public void Serialize(T value, IBufferWriter<byte> destination)
    {
        var writer = _owner == this ? _writer : null;
        _writer = null;
        if (writer is null)
            writer = new Utf8JsonWriter(destination, new JsonWriterOptions { SkipValidation = true, Encoder = type.Options.Encoder });
        else
            writer.Reset(destination);
        JsonSerializer.Serialize(writer, value, type);
        writer.Flush();
        // Not after an exception: the writer is in the middle of a value then.
        (_writer, _owner) = (writer, this);
    }

    /// <inheritdoc/>
    /// <exception cref="JsonException">The bytes are not JSON, or not of this type.</exception>
    public T Deserialize(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize(bytes, type) ?? throw new JsonException($"The value is null, and no {typeof(T)}.");
}
