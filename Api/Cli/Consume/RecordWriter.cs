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

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();
}
