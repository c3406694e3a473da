using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using OrleansStream.Hosting;
using OrleansStream.Partitions;
using OrleansStream.Persistence;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;
using OrleansStream.Storage.Files;
using OrleansStream.Storage.Files.Disk;
using OrleansStream.Topics;

namespace OrleansStream.Maintenance.Verification;

/// <summary>The command <c>verify</c>: reads everything that is stored, and prints what is wrong. It changes nothing.</summary>
/// <remarks>
/// A data folder can be verified while no process owns it, and no process can own it during that time. A storage account can be verified at any time,
/// even while a cluster uses it.
/// </remarks>
public sealed class StorageVerification
{
    /// <summary>The command's name, the first argument of the process.</summary>
    public const string Verb = "verify";

    /// <summary>The exit code when nothing is damaged.</summary>
    public const int Sound = 0;

    /// <summary>The exit code when the storage could not be verified.</summary>
    public const int NotVerified = 1;

    /// <summary>The exit code when something is damaged.</summary>
    public const int Damaged = 2;

    private readonly ISegmentReader _segments;
    private readonly IDocumentReader _documents;
    private readonly TextWriter _output;
    private readonly Dictionary<Guid, string> _topics = [];
    private int _logs;
    private int _segmentCount;
    private long _bytes;
    private int _faults;

    private StorageVerification(ISegmentReader segments, IDocumentReader documents, TextWriter output) =>
        (_segments, _documents, _output) = (segments, documents, output);

    /// <summary>
    /// Verifies the storage that the settings name. The settings come from the same files, environment and arguments as for the service.
    /// </summary>
    /// <param name="args">The process's arguments after the command's name.</param>
    /// <param name="output">Gets a line for each fault, and a summary.</param>
    /// <param name="errors">Gets the reason when the storage cannot be verified.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The process's exit code.</returns>
    public static async Task<int> RunAsync(
        string[] args, TextWriter output, TextWriter errors, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(errors);
        try
        {
            var options = Host.CreateApplicationBuilder(args).Configuration
                .GetSection(OrleansStreamOptions.SectionName).Get<OrleansStreamOptions>() ?? new OrleansStreamOptions();
            if (new OrleansStreamOptionsValidator().Validate(name: null, options) is { Failed: true } invalid)
            {
                await errors.WriteLineAsync(invalid.FailureMessage);
                return NotVerified;
            }

            return await RunAsync(options, output, cancellationToken);
        }
        catch (Exception e)
        {
            await errors.WriteLineAsync(StartFailure.Explain(e) ?? e.ToString());
            return NotVerified;
        }
    }

    private static async Task<int> RunAsync(OrleansStreamOptions options, TextWriter output, CancellationToken cancellationToken)
    {
        var storage = options.Storage;
        if (storage.Provider == StorageOptions.AzureBlobsProvider)
        {
            var blobs = storage.AzureBlobs;
            var container = AzureBlobContainer.Open(blobs.ServiceUri, blobs.ConnectionString, blobs.Container, TimeProvider.System);
            return await new StorageVerification(container.Segments, container.Documents, output)
                .VerifyAsync(options.Silo.ServiceId, cancellationToken);
        }

        if (storage.Provider != StorageOptions.FilesProvider)
            throw new DataFolderException($"Storage of the provider {storage.Provider} ends with its process, so there is nothing to verify.");
        using var folder = FolderReader.Open(storage.Files.Directory);
        return await new StorageVerification(folder.Segments, folder.Documents, output)
            .VerifyAsync(options.Silo.ServiceId, cancellationToken);
    }

    private async Task<int> VerifyAsync(string serviceId, CancellationToken cancellationToken)
    {
        var logs = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var document in _documents.ListAsync("", cancellationToken))
        {
            if (LogOf(document) is { } log)
                logs.Add(log);
            else
                await VerifyDocumentAsync(document, cancellationToken);
        }

        await foreach (var segment in _segments.ListAsync("", cancellationToken))
        {
            if (LogOf(segment.Name) is { } log)
                logs.Add(log);
        }

        await NameTopicsAsync(serviceId, cancellationToken);
        foreach (var log in logs)
            await VerifyLogAsync(log, cancellationToken);
        await _output.WriteLineAsync(
            $"{_logs} partitions, {_segmentCount} segments, {_bytes} bytes: {(_faults == 0 ? "no fault" : $"{_faults} faults")}");
        return _faults == 0 ? Sound : Damaged;
    }

    private async Task VerifyDocumentAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            await _documents.ReadAsync(name, cancellationToken);
        }
        catch (CorruptDocumentException e)
        {
            await ReportAsync(e.Message);
        }
    }

    private async Task VerifyLogAsync(string log, CancellationToken cancellationToken)
    {
        var verified = await LogVerification.RunAsync(log, _segments, _documents, cancellationToken);
        var key = PartitionKey.Parse(log);
        var topic = _topics.TryGetValue(key.TopicId, out var name) ? $"topic '{name}'" : $"topic with the id {key.TopicId:D}";
        foreach (var fault in verified.Faults)
        {
            var where = $"{topic}, partition {key.Partition}{(fault.Offset is { } offset ? $", offset {offset}" : "")}: "
                + $"{fault.Place}{(fault.Position is { } position ? $" at position {position}" : "")}: {fault.Detail}.";
            if (fault.IsHarmless)
                await _output.WriteLineAsync("note: " + where);
            else
                await ReportAsync(where);
        }

        _logs++;
        _segmentCount += verified.SegmentCount;
        _bytes += verified.Bytes;
    }

    private async Task ReportAsync(string line)
    {
        _faults++;
        await _output.WriteLineAsync(line);
    }

    // People know topics by their names. If the names cannot be read, the ids are shown; the damage of the names' document is reported separately.
    private async Task NameTopicsAsync(string serviceId, CancellationToken cancellationToken)
    {
        var name = StateDocumentName.Of(
            serviceId, TopicCatalogGrain.StateName, GrainId.Create(TopicCatalogGrain.TypeName, ITopicCatalogGrain.Key));
        try
        {
            if (await _documents.ReadAsync(name, cancellationToken) is not { } document)
                return;
            var stored = JsonSerializer.Deserialize<StateDocument<CatalogState>>(document.Bytes.Span, StateDocument.Json);
            foreach (var topic in stored.State?.Topics.Values ?? [])
                _topics[topic.Id] = topic.Name;
        }
        catch (Exception e) when (e is CorruptDocumentException or JsonException)
        {
            _topics.Clear();
        }
    }

    // The log to which a segment or a document belongs; null for any other name.
    private static string? LogOf(string name)
    {
        var parts = name.Split('/');
        return parts.Length == 3 && Guid.TryParseExact(parts[0], "N", out _) && int.TryParse(parts[1], out _)
            ? $"{parts[0]}/{parts[1]}"
            : null;
    }
}
