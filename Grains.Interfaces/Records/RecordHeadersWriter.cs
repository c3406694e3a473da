using System.Text;

namespace OrleansStream.Records;

/// <summary>Builds a record's headers in the form that <see cref="RecordBatchWriter"/> takes. Reusable. Not for two threads at once.</summary>
public sealed class RecordHeadersWriter : IDisposable
{
    private readonly PooledBuffer _buffer = new(RecordLimits.BatchBytesMax, RecordBatchWriter.Overflow);

    /// <summary>Starts with no headers.</summary>
    public RecordHeadersWriter() => Reset();

    /// <summary>The count of headers so far.</summary>
    public int Count { get; private set; }

    /// <summary>The headers with their count before them. They are valid until the next call that changes this writer.</summary>
    public ReadOnlySpan<byte> EncodedHeaders
    {
        get
        {
            // The length of the count is known only after the last header. So room for the longest one is kept, and the count is written at its end.
            var start = RecordLimits.VarintBytesMax - Varint.LengthBytes(Count);
            Varint.Write(_buffer.Written[start..], Count);
            return _buffer.WrittenSpan[start..];
        }
    }

    /// <summary>Drops the headers, and keeps the memory.</summary>
    public void Reset()
    {
        _buffer.Clear();
        _buffer.Take(RecordLimits.VarintBytesMax);
        Count = 0;
    }

    /// <summary>Adds a header.</summary>
    /// <param name="key">The key in UTF-8.</param>
    /// <param name="value">The value; ignored when there is none.</param>
    /// <param name="hasValue">False for a null value.</param>
    /// <exception cref="InvalidOperationException">The headers would pass <see cref="RecordLimits.BatchBytesMax"/>.</exception>
    public void Append(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool hasValue = true)
    {
        key.CopyTo(Take(key.Length));
        AppendValue(value, hasValue);
    }

    /// <summary>Adds a header whose key is text.</summary>
    /// <param name="key">The key. A lone surrogate in it becomes U+FFFD.</param>
    /// <param name="value">The value; ignored when there is none.</param>
    /// <param name="hasValue">False for a null value.</param>
    /// <exception cref="InvalidOperationException">The headers would pass <see cref="RecordLimits.BatchBytesMax"/>.</exception>
    public void Append(ReadOnlySpan<char> key, ReadOnlySpan<byte> value, bool hasValue = true)
    {
        Encoding.UTF8.GetBytes(key, Take(Encoding.UTF8.GetByteCount(key)));
        AppendValue(value, hasValue);
    }

    /// <summary>Gives the memory back. The writer may be used again after <see cref="Reset"/>.</summary>
    public void Dispose()
    {
        Count = 0;
        _buffer.Dispose();
    }

    private void AppendValue(ReadOnlySpan<byte> value, bool hasValue)
    {
        if (hasValue)
            value.CopyTo(Take(value.Length));
        else
            Varint.Write(_buffer.Take(1), RecordBatchHeader.None);
        Count++;
    }

    private Span<byte> Take(int lengthBytes)
    {
        var prefixBytes = Varint.LengthBytes(lengthBytes);
        var field = _buffer.Take(prefixBytes + lengthBytes);
        Varint.Write(field, lengthBytes);
        return field[prefixBytes..];
    }
}
