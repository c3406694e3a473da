using BenchmarkDotNet.Attributes;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Records;
using OrleansStream.Storage;
using OrleansStream.Storage.Files;
using OrleansStream.Storage.Memory;

namespace OrleansStream.Benchmarks;

/// <summary>Where a log's bytes are.</summary>
public enum LogStore
{
    /// <summary>In this process's memory: what the log itself costs.</summary>
    Memory,

    /// <summary>In a folder, each append synced: what a durable answer costs.</summary>
    Files,
}

/// <summary>Appending to a log, reading it, and opening it again.</summary>
[MemoryDiagnoser]
public class LogBenchmarks
{
    private const int Filled = 4_000;
    private const int Producers = 64;
    private readonly LogOptions _options = new();
    private byte[] _batch = [];
    private string? _path;
    private DataFolder? _folder;
    private ISegmentStore _segments = null!;
    private IDocumentStore _documents = null!;
    private PartitionLog _log = null!;
    private long _cold;

    /// <summary>Where the bytes are.</summary>
    [ParamsAllValues]
    public LogStore Store { get; set; }

    /// <summary>Opens a log with a few thousand batches of 1 KiB.</summary>
    [GlobalSetup]
    public async Task SetupAsync()
    {
        using var writer = new RecordBatchWriter();
        writer.Append(1_000_000, default, hasKey: false, new byte[1024], hasValue: true);
        writer.Finish();
        _batch = writer.ToArray();
        if (Store == LogStore.Files)
        {
            _path = Directory.CreateTempSubdirectory("benchmark-").FullName;
            _folder = DataFolder.Open(_path);
            (_segments, _documents) = (_folder.Segments, _folder.Documents);
        }
        else
        {
            (_segments, _documents) = (new MemorySegmentStore(), new MemoryDocumentStore());
        }

        _log = await OpenAsync("full/0").ConfigureAwait(false);
        await Task.WhenAll(Enumerable.Range(0, Filled).Select(_ => AppendAsync(_log))).ConfigureAwait(false);
        await _log.DisposeAsync().ConfigureAwait(false);
        _log = await OpenAsync("full/0").ConfigureAwait(false);
    }

    /// <summary>Closes everything.</summary>
    [GlobalCleanup]
    public async Task CleanupAsync()
    {
        await _log.DisposeAsync().ConfigureAwait(false);
        _folder?.Dispose();
        if (_path is not null)
            Directory.Delete(_path, recursive: true);
    }

    /// <summary>One append, alone.</summary>
    [Benchmark]
    public Task<LogAppendResult> AppendAsync() => AppendAsync(_log);

    /// <summary>Sixty-four appends at once: two or three writes carry them.</summary>
    [Benchmark(OperationsPerInvoke = Producers)]
    public Task AppendTogetherAsync() => Task.WhenAll(Enumerable.Range(0, Producers).Select(_ => AppendAsync(_log)));

    /// <summary>What was appended last, from memory.</summary>
    [Benchmark]
    public async Task<int> FetchTailAsync()
    {
        var appended = await AppendAsync(_log).ConfigureAwait(false);
        return (await _log.FetchAsync(appended.BaseOffset, 1024 * 1024, TimeSpan.Zero).ConfigureAwait(false)).Batches.Length;
    }

    /// <summary>64 KiB of older data, at a place that moves through the log.</summary>
    [Benchmark]
    public async Task<int> FetchColdAsync()
    {
        _cold = (_cold + 1531) % Filled;
        return (await _log.FetchAsync(_cold, 64 * 1024, TimeSpan.Zero).ConfigureAwait(false)).Batches.Length;
    }

    /// <summary>Taking the log over: claim, fence, and reading some megabytes to their end.</summary>
    [Benchmark]
    public async Task<long> RecoverAsync()
    {
        var log = await OpenAsync("full/0").ConfigureAwait(false);
        var end = log.State.HighWatermark;
        var previous = _log;
        _log = log;
        await previous.DisposeAsync().ConfigureAwait(false);
        return end;
    }

    private Task<PartitionLog> OpenAsync(string name) => PartitionLog
        .OpenAsync(name, Guid.NewGuid().ToString("N"), _options, _segments, _documents, TimeProvider.System).AsTask();

    private async Task<LogAppendResult> AppendAsync(PartitionLog log)
    {
        var result = await log.AppendAsync(_batch, LogAcks.Durable).ConfigureAwait(false);
        return result.Error is { } error ? throw new InvalidOperationException(error.Detail) : result;
    }
}
