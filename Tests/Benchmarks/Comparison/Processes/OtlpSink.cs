using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OrleansStream.Comparison.Processes;

/// <summary>
/// Takes what a service sends by OTLP over HTTP, and counts its bytes. It is in this process, so what it costs is not counted for the service.
/// </summary>
internal sealed class OtlpSink : IAsyncDisposable
{
    private readonly WebApplication _app;
    private long _receivedBytes;

    private OtlpSink(string address)
    {
        Address = address;
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls(address);
        builder.Logging.ClearProviders();
        _app = builder.Build();
        _app.Run(TakeAsync);
    }

    /// <summary>Where it listens: the common endpoint of all signals.</summary>
    public string Address { get; }

    /// <summary>The bytes that came.</summary>
    public long ReceivedBytes => Interlocked.Read(ref _receivedBytes);

    /// <summary>Starts one on a port of the loopback.</summary>
    public static async Task<OtlpSink> StartAsync()
    {
        var sink = new OtlpSink($"http://127.0.0.1:{ChildProcess.FreePort()}");
        await sink._app.StartAsync();
        return sink;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        var body = context.Request.BodyReader;
        while (true)
        {
            var read = await body.ReadAsync();
            Interlocked.Add(ref _receivedBytes, read.Buffer.Length);
            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
                break;
        }

        // An answer without content is a message without fields: all was taken.
        context.Response.ContentType = "application/x-protobuf";
        context.Response.ContentLength = 0;
    }
}
