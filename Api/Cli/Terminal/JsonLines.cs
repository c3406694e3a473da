using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace OrleansStream.Cli.Terminal;

/// <summary>Results as JSON: one object a line, so that scripts can read a list while it comes.</summary>
internal static class JsonLines
{
    // The output is never put into an HTML page.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes an object on a line.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    public static void Write<T>(Screen screen, T value, JsonTypeInfo<T> type) => screen.Results.WriteLine(JsonSerializer.Serialize(value, type));

    /// <summary>Writes an object on a line.</summary>
    public static void Write(Screen screen, Action<Utf8JsonWriter> write) => screen.Results.WriteLine(Text(write));

    /// <summary>An object as text.</summary>
    public static string Text(Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, Readable))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }
}
