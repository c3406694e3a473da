using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>
/// One process's own way to the blob service, on which everything that it asks for is written down, or on which requests and replies get
/// lost.
/// </summary>
internal sealed class BlobLine : IAsyncDisposable
{
    private const string PositionCondition = "x-ms-blob-condition-appendpos";
    private const string DocumentsFolder = "documents/";

    private readonly List<BlobCall> _calls = [];
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _heldCount;
    private readonly BlobTroubles? _troubles;
    private readonly HttpMessageInvoker _http;
    private readonly WebApplication _app;
    private readonly Uri _service;
    private readonly string _serviceConnection;

    private BlobLine(string connectionString, int port, BlobTroubles? troubles)
    {
        _troubles = troubles;
        _http = new HttpMessageInvoker(new FaultyHttpHandler { OnRequest = (_, _) => troubles?.NextFault() ?? HttpFault.None });
        _serviceConnection = connectionString;
        _service = new Uri(connectionString.Split("BlobEndpoint=")[1].TrimEnd(';'));
        ConnectionString = connectionString.Replace(
            _service.GetLeftPart(UriPartial.Authority), $"http://127.0.0.1:{port}", StringComparison.Ordinal);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}").ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        _app = builder.Build();
        _app.Run(ForwardAsync);
    }

    /// <summary>Leads to the service through this line.</summary>
    public string ConnectionString { get; }

    /// <summary>True to append without the condition that the segment ends where the caller believes: the fence is out.</summary>
    public bool DropsPositionConditions { get; set; }

    /// <summary>
    /// Documents that are written without the condition that they are still the version that the caller knows, by name; none unless it is set.
    /// </summary>
    public Func<string, bool> DropsEtagConditionOf { get; set; } = _ => false;

    /// <summary>Blobs whose writes are held on the line until <see cref="Release"/>; none unless it is set.</summary>
    public Func<string, bool> HoldsWritesOf { get; set; } = _ => false;

    /// <summary>Blobs whose reads are never answered; none unless it is set.</summary>
    public Func<string, bool> SwallowsReadsOf { get; set; } = _ => false;

    /// <summary>How many writes were held.</summary>
    public int HeldCount => Volatile.Read(ref _heldCount);

    /// <summary>Holds up an append to the segment of this name, as long as it likes; null for none. What is held has not taken effect.</summary>
    public Func<string, CancellationToken, Task>? HoldAppendAsync { get; set; }

    /// <summary>What was asked for and is answered; nothing on a line with troubles, or that holds appends.</summary>
    public IReadOnlyList<BlobCall> Calls
    {
        get
        {
            lock (_calls)
                return [.. _calls];
        }
    }

    /// <summary>Opens a line.</summary>
    /// <param name="connectionString">Leads to the service.</param>
    /// <param name="troubles">What happens to requests; null for nothing.</param>
    public static async Task<BlobLine> StartAsync(string connectionString, BlobTroubles? troubles = null)
    {
        var line = new BlobLine(connectionString, FreePort.Find(), troubles);
        await line._app.StartAsync();
        return line;
    }

    /// <summary>Lets what was held go on.</summary>
    public void Release() => _released.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        Release();
        _closed.TrySetResult();
        await _app.DisposeAsync();
        _http.Dispose();
    }

    private async Task ForwardAsync(HttpContext context)
    {
        // As a whole: a request must not take effect in part because the line broke.
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        if (HttpMethods.IsGet(context.Request.Method) && SwallowsReadsOf(BlobOf(context.Request)))
        {
            await _closed.Task.WaitAsync(context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            context.Abort();
            return;
        }

        if (HttpMethods.IsPut(context.Request.Method) && HoldsWritesOf(BlobOf(context.Request)) && !_released.Task.IsCompleted)
        {
            Interlocked.Increment(ref _heldCount);
            await _released.Task;
        }

        var asked = Stopwatch.GetTimestamp();
        var action = context.Request.Query["comp"].ToString();
        var isAppend = action == BlobCall.AppendAction;
        if (isAppend && HoldAppendAsync is { } holdAsync)
            await holdAsync(BlobOf(context.Request).Split('/', 2)[1], context.RequestAborted);
        if (_troubles is not null)
            await ForwardWithTroublesAsync(context, body.ToArray(), _troubles);
        else if (isAppend && DropsPositionConditions && context.Request.Headers.ContainsKey(PositionCondition))
            await AppendAnywhereAsync(context, body.ToArray());
        else if (IsReplacement(context.Request, action))
            await WriteAnywayAsync(context, body.ToArray());
        else
            await ForwardAsync(context, body.ToArray());
        if (_troubles is not null || HoldAppendAsync is not null)
            return;
        lock (_calls)
        {
            _calls.Add(new BlobCall(
                asked, context.Request.Method, BlobOf(context.Request), action, $"{context.Request.Headers.IfMatch}", body.ToArray(),
                context.Response.StatusCode));
        }
    }

    private async Task ForwardWithTroublesAsync(HttpContext context, byte[] body, BlobTroubles troubles)
    {
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        try
        {
            await troubles.DelayAsync(context.RequestAborted);
            if (!BlobTroubles.IsList(context.Request.Method, target))
            {
                await ForwardAsync(context, body);
                return;
            }

            using var response = await SendAsync(context, body);
            var list = await response.Content.ReadAsByteArrayAsync(context.RequestAborted);
            var answer = troubles.ListFor(target, list);
            context.Response.StatusCode = (int)response.StatusCode;
            context.Response.ContentType = response.Content.Headers.ContentType?.ToString();
            await context.Response.Body.WriteAsync(answer, context.RequestAborted);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            // What is left of the answer never comes.
            context.Abort();
        }
    }

    private async Task ForwardAsync(HttpContext context, byte[] body)
    {
        using var response = await SendAsync(context, body);
        context.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
        {
            if (name is not ("Transfer-Encoding" or "Connection" or "Keep-Alive"))
                context.Response.Headers[name] = values.ToArray();
        }

        await response.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpContext context, byte[] body)
    {
        using var request = new HttpRequestMessage(
            new HttpMethod(context.Request.Method),
            new Uri(_service.GetLeftPart(UriPartial.Authority) + context.Features.Get<IHttpRequestFeature>()!.RawTarget));
        if (context.Request.ContentLength is not null)
            request.Content = new ByteArrayContent(body);
        foreach (var (name, values) in context.Request.Headers)
        {
            if (name is not ("Host" or "Connection" or "Content-Length") && !request.Headers.TryAddWithoutValidation(name, [.. values]))
                request.Content?.Headers.TryAddWithoutValidation(name, [.. values]);
        }

        return await _http.SendAsync(request, context.RequestAborted);
    }

    private bool IsReplacement(HttpRequest request, string action) => HttpMethods.IsPut(request.Method) && action.Length == 0
        && request.Headers.IfMatch.Count > 0 && BlobOf(request) is { } blob && blob.StartsWith(DocumentsFolder, StringComparison.Ordinal)
        && DropsEtagConditionOf(blob[DocumentsFolder.Length..]);

    // Without the account and the container, by the name that the store's caller knows.
    private static string BlobOf(HttpRequest request) =>
        request.Path.Value!.Split('/', 4) is [_, _, _, { Length: > 0 } blob] ? StoreNames.FromStored(blob) : "";

    private AzureBlobContainer OpenContainer(HttpRequest request) =>
        AzureBlobContainer.Open(null, _serviceConnection, request.Path.Value!.Split('/')[2], TimeProvider.System);

    // The request is signed with its condition, so another one is sent in its place.
    private async Task AppendAnywhereAsync(HttpContext context, byte[] body)
    {
        var segment = BlobOf(context.Request).Split('/', 2)[1];
        var outcome = await OpenContainer(context.Request).Segments.AppendAnywhereAsync(segment, body);
        var isDone = outcome.Status == AppendStatus.Appended;
        Answer(context, isDone, "0x1");
        if (isDone)
        {
            context.Response.Headers["x-ms-blob-append-offset"] = $"{outcome.Length - body.Length}";
            context.Response.Headers["x-ms-blob-committed-block-count"] = "1";
        }
    }

    // As above.
    private async Task WriteAnywayAsync(HttpContext context, byte[] body)
    {
        var document = BlobOf(context.Request)[DocumentsFolder.Length..];
        var documents = OpenContainer(context.Request).Documents;
        string? etag = null;
        while (etag is null)
            etag = await documents.WriteAsync(document, body, (await documents.ReadAsync(document))?.ETag);
        Answer(context, isDone: true, etag.Trim('"'));
    }

    private static void Answer(HttpContext context, bool isDone, string etag)
    {
        context.Response.StatusCode = isDone ? StatusCodes.Status201Created : StatusCodes.Status500InternalServerError;
        if (!isDone)
            return;
        context.Response.Headers.ETag = $"\"{etag}\"";
        context.Response.Headers.LastModified = $"{TimeProvider.System.GetUtcNow():R}";
    }
}

/// <summary>One call to the blob service.</summary>
/// <param name="Asked">When all of it had arrived, and it went on to the service.</param>
/// <param name="Method">HTTP's method.</param>
/// <param name="Blob">The blob, in its container; empty for the container itself.</param>
/// <param name="Action">What it does to the blob other than writing or deleting it.</param>
/// <param name="IfMatch">The version that the blob must have, or empty.</param>
/// <param name="Body">What was sent.</param>
/// <param name="Status">HTTP's status.</param>
internal sealed record BlobCall(long Asked, string Method, string Blob, string Action, string IfMatch, byte[] Body, int Status)
{
    /// <summary>The action of an append to a segment.</summary>
    public const string AppendAction = "appendblock";

    /// <summary>True when it asks for a change.</summary>
    public bool IsWrite => Method is "PUT" or "DELETE" or "POST";

    /// <summary>True when it changed something.</summary>
    public bool TookEffect => IsWrite && Status is >= 200 and < 300;

    /// <summary>True when it would have changed something, had its condition held.</summary>
    public bool IsRefused => IsWrite && Status is StatusCodes.Status409Conflict or StatusCodes.Status412PreconditionFailed;
}
