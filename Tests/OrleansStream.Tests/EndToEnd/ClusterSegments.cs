using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>What a topic's segments say of its leaders, read from the store itself.</summary>
internal static class ClusterSegments
{
    /// <summary>Walks every segment of a partition (I1).</summary>
    /// <param name="store">Where they are.</param>
    /// <param name="log">The partition's log.</param>
    /// <returns>The newest epoch, and what is wrong, in words.</returns>
    public static async Task<(int Epoch, List<string> Findings)> WalkAsync(ISegmentStore store, string log)
    {
        var token = TestContext.Current.CancellationToken;
        var epoch = -1;
        var findings = new List<string>();
        var names = new List<string>();
        await foreach (var segment in store.ListAsync(log + "/", token))
        {
            if (segment.Name.EndsWith(".log", StringComparison.Ordinal))
                names.Add(segment.Name);
        }

        // A name begins with the base offset and the epoch, so the order of names is the log's.
        foreach (var name in names.Order(StringComparer.Ordinal))
        {
            var extent = await store.GetExtentAsync(name, token);
            var bytes = new byte[extent!.Value.Length];
            for (var read = 0; read < bytes.Length;)
                read += await store.ReadAsync(name, read, bytes.AsMemory(read), token);
            epoch = Walk(name, bytes, epoch, findings);
        }

        return (epoch, findings);
    }

    /// <summary>Walks a segment: once a leader's epoch is in it, no batch of an older one follows.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="epoch">The newest epoch before it.</param>
    /// <param name="findings">What is wrong is added here.</param>
    /// <returns>The newest epoch at its end.</returns>
    public static int Walk(string name, ReadOnlySpan<byte> bytes, int epoch, List<string> findings)
    {
        var next = -1L;
        var scanner = new RecordBatchScanner(bytes);
        while (scanner.MoveNext())
        {
            var header = scanner.Header;
            // A fence is appended wherever the segment ends, so one of an older leader may come late. It is harmless: it holds nothing.
            if (!FenceBatch.IsFence(header, out _))
            {
                if (header.PartitionLeaderEpoch < epoch)
                    findings.Add($"{name} at {scanner.Position}: a batch of epoch {header.PartitionLeaderEpoch} after epoch {epoch}");
                if (next >= 0 && header.BaseOffset != next)
                    findings.Add($"{name} at {scanner.Position}: offset {header.BaseOffset} where {next} follows");
                next = header.NextOffset;
            }

            epoch = Math.Max(epoch, header.PartitionLeaderEpoch);
        }

        if (scanner.Status != RecordBatchStatus.End)
            findings.Add($"{name} at {scanner.NextPosition}: {scanner.Status}");
        return epoch;
    }
}
