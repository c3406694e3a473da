using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Log.Format;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Tests.History;

/// <summary>A partition as its bytes have it, read from the store itself by manifest and segments: no log, no grain, no API.</summary>
internal sealed class StoredLog
{
    private readonly List<SeenRecord> _records = [];
    private readonly List<string> _findings = [];

    /// <summary>The newest epoch of its bytes.</summary>
    public int Epoch { get; private set; } = -1;

    /// <summary>What is wrong with the bytes (I1, I4, I8), in words; empty when nothing is.</summary>
    public IReadOnlyList<string> Findings => _findings;

    /// <summary>Its records from the log start on.</summary>
    public PartitionContent Content { get; private set; } = new(0, []);

    /// <summary>Reads a partition.</summary>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="log">The log's name.</param>
    public static async Task<StoredLog> ReadAsync(ISegmentReader segments, IDocumentReader documents, string log)
    {
        var token = TestContext.Current.CancellationToken;
        var stored = new StoredLog();
        var name = SegmentName.ManifestOf(log);
        if (await documents.ReadAsync(name, token) is not { } document)
        {
            stored._findings.Add($"{name} is not there");
            return stored;
        }

        var manifest = PartitionManifest.Parse(name, document.Bytes.Span);
        foreach (var segment in manifest.Segments)
        {
            if (await segments.GetExtentAsync(segment.Name, token) is not { } extent)
            {
                stored._findings.Add($"{segment.Name} is in the manifest, and is not there");
                continue;
            }

            // What a store does not vouch for is cut by the next owner.
            var bytes = new byte[segment.IsSealed ? segment.Length : extent.DurableLength];
            for (int read = 0, count = 1; read < bytes.Length && count > 0; read += count)
                count = await segments.ReadAsync(segment.Name, read, bytes.AsMemory(read), token);
            stored.Walk(segment.Name, bytes);
        }

        stored.Content = new PartitionContent(
            manifest.LogStartOffset, [.. stored._records.Where(record => record.Offset >= manifest.LogStartOffset)]);
        if (manifest.Epoch < stored.Epoch)
            stored._findings.Add($"{name} is of epoch {manifest.Epoch}, and its segments of epoch {stored.Epoch}");
        return stored;
    }

    /// <summary>Walks a segment: offsets follow each other, and once a leader's epoch is there, no batch of an older one follows.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="bytes">Its bytes.</param>
    public void Walk(string name, ReadOnlySpan<byte> bytes)
    {
        var scanner = new RecordBatchScanner(bytes);
        while (scanner.MoveNext())
        {
            var header = scanner.Header;
            // A fence is appended wherever the segment ends, so one of an older leader may come late. It is harmless: it holds nothing.
            if (!FenceBatch.IsFence(header, out _))
            {
                if (header.PartitionLeaderEpoch < Epoch)
                    _findings.Add($"{name} at {scanner.Position}: a batch of epoch {header.PartitionLeaderEpoch} after epoch {Epoch}");
                if (_records.Count > 0 && header.BaseOffset != _records[^1].Offset + 1)
                    _findings.Add($"{name} at {scanner.Position}: offset {header.BaseOffset} where {_records[^1].Offset + 1} follows");
                AddRecords(scanner.Batch);
            }

            Epoch = Math.Max(Epoch, header.PartitionLeaderEpoch);
        }

        if (scanner.Status != RecordBatchStatus.End)
            _findings.Add($"{name} at {scanner.NextPosition}: {scanner.Status}");
    }

    private void AddRecords(ReadOnlySpan<byte> batch)
    {
        using var records = new RecordBatchReader(batch);
        while (records.TryReadNext(out var record))
        {
            var key = record.HasKey ? Encoding.UTF8.GetString(record.Key) : null;
            _records.Add(HistoryRecord.Parse(record.Offset, key, JsonNode.Parse(record.Value)!));
        }
    }
}
