using System.Buffers;
using OrleansStream.Client.Consuming;

namespace OrleansStream.Cli.Consume;

/// <summary>Writes records to standard output.</summary>
/// <param name="output">Standard output, or a test's stream; it stays open.</param>
/// <param name="format">How; null for JSON.</param>
internal sealed class RecordWriter(Stream output, RecordFormat? format) : IDisposable
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly RecordJson _json = new();

    public void Write(ConsumedRecord<byte[]> record)
    {
        if (format is null)
            _json.Write(record, _bytes);
        else
            format.Write(record, _bytes);
        output.Write(_bytes.WrittenSpan);
        _bytes.ResetWrittenCount();
    }

    /// <summary>What is told of offsets that nobody can read.</summary>
    /// <param name="offsets">The offsets.</param>
    public static string Unreadable(UnreadableOffsetsEventArgs offsets) =>
        $"{offsets.Topic}, partition {offsets.Partition}: nobody can read the offsets {offsets.FirstOffset} to {offsets.LastOffset}, which are passed over: {offsets.Reason}";

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();
}
