using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Consuming;

namespace OrleansStream.Cli.Consume;

/// <summary>
/// Writes records by a format string with kcat's fields: <c>%s</c> the value, <c>%S</c> its length (-1 for null), <c>%R</c> its length as four bytes,
/// <c>%k</c> and <c>%K</c> the same of the key, <c>%T</c> the time in milliseconds, <c>%h</c> the headers, <c>%t</c> the topic, <c>%p</c> the
/// partition, <c>%o</c> the offset, <c>%%</c> a percent sign; and with <see cref="Escapes"/>.
/// </summary>
internal sealed class RecordFormat
{
    private const int NumberLengthMax = 20;

    private readonly List<(char Field, byte[]? Text)> _parts = [];
    private readonly byte[] _null;

    /// <summary>Reads a format string.</summary>
    /// <param name="format">Text with kcat's fields, such as <c>%k: %s\n</c>.</param>
    /// <param name="nullMarker">What is written for a key or a value that is null; null for nothing.</param>
    /// <exception cref="ArgumentException">It has an unknown field or escape.</exception>
    public RecordFormat(string format, string? nullMarker)
    {
        _null = Encoding.UTF8.GetBytes(nullMarker ?? "");
        Read(format);
    }

    public void Write(ConsumedRecord<byte[]> record, IBufferWriter<byte> output)
    {
        foreach (var (field, text) in _parts)
        {
            switch (field)
            {
                case '\0': output.Write(text); break;
                case 's': output.Write(record.IsTombstone ? _null : record.Value); break;
                case 'S': WriteNumber(record.IsTombstone ? -1 : record.Value!.Length, output); break;
                case 'R': WriteLength(record.IsTombstone ? -1 : record.Value!.Length, output); break;
                case 'k': output.Write(record.KeyBytes is { } key ? key.Span : _null); break;
                case 'K': WriteNumber(record.KeyBytes?.Length ?? -1, output); break;
                case 'T': WriteNumber(record.Timestamp?.ToUnixTimeMilliseconds() ?? -1, output); break;
                case 'h': WriteHeaders(record, output); break;
                case 't': Encoding.UTF8.GetBytes(record.Topic, output); break;
                case 'p': WriteNumber(record.Partition, output); break;
                default: WriteNumber(record.Offset, output); break;
            }
        }
    }

    private void Read(string format)
    {
        var text = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                // A backslash and what follows belong together.
                if (format[i] == '\\' && i + 1 < format.Length)
                    text.Append(format[++i]);
                continue;
            }

            var field = ++i < format.Length ? format[i] : ' ';
            if (field == '%')
            {
                text.Append('%');
                continue;
            }

            if (!"sSRkKThtpo".Contains(field, StringComparison.Ordinal))
                throw new ArgumentException($"--format '{format}' has an unknown field. The fields are %s %S %R %k %K %T %h %t %p %o and %%.");
            AddText(text);
            _parts.Add((field, null));
        }

        AddText(text);
    }

    private void AddText(StringBuilder text)
    {
        if (text.Length > 0)
            _parts.Add(('\0', Escapes.Read(text.ToString(), "--format")));
        text.Clear();
    }

    private static void WriteHeaders(ConsumedRecord<byte[]> record, IBufferWriter<byte> output)
    {
        for (var i = 0; i < record.Headers.Count; i++)
        {
            if (i > 0)
                output.Write(","u8);
            Encoding.UTF8.GetBytes(record.Headers[i].Key, output);
            output.Write("="u8);
            output.Write(record.Headers[i].Value is { } value ? value.Span : default);
        }
    }

    private static void WriteNumber(long number, IBufferWriter<byte> output)
    {
        Utf8Formatter.TryFormat(number, output.GetSpan(NumberLengthMax), out var length);
        output.Advance(length);
    }

    private static void WriteLength(int length, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(sizeof(int)), length);
        output.Advance(sizeof(int));
    }
}
