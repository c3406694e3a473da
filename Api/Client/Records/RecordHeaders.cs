using System.Text;
using OrleansStream.Records;

namespace OrleansStream.Client.Records;

/// <summary>The headers of records in batches.</summary>
internal static class RecordHeaders
{
    /// <summary>Copies a record's headers.</summary>
    /// <param name="record">The record.</param>
    public static StreamHeader[] Of(in RecordView record)
    {
        if (record.HeaderCount == 0)
            return [];
        var headers = new StreamHeader[record.HeaderCount];
        var count = 0;
        foreach (var header in record.Headers)
        {
            headers[count++] = new StreamHeader(
                Encoding.UTF8.GetString(header.Key), header.HasValue ? header.Value.ToArray() : (ReadOnlyMemory<byte>?)null);
        }

        return headers;
    }
}
