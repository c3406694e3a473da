using System.Buffers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OrleansStream.Comparison.Processes;
using OrleansStream.Records;

namespace OrleansStream.Comparison.Limits;

/// <summary>
/// A Kestrel that reads bodies and does nothing with them, or makes them durable on the thread that has read them: what receiving, and what a durable
/// answer, costs before any other work is done.
/// </summary>
internal static class BareKestrel
{
    /// <summary>The argument that makes this program one.</summary>
    public const string Argument = "bare-kestrel";

    /// <summary>Reads bodies.</summary>
    public const string ReadPath = "/read";

    /// <summary>Reads bodies and takes their CRC-32C.</summary>
    public const string ChecksumPath = "/checksum";

    /// <summary>Reads bodies, and writes and syncs each.</summary>
    public const string DurablePath = "/durable";

    /// <summary>Starts one as a process of its own.</summary>
    /// <returns>The process and its port.</returns>
    public static async Task<(ChildProcess Process, int Port)> StartAsync()
    {
        var port = ChildProcess.FreePort();
        // Idle threads sleep at once, as those of the service do.
        var process = ChildProcess.Start("dotnet", [Repository.Comparison, Argument, $"{port}"], [("DOTNET_ThreadPool_UnfairSemaphoreSpinLimit", "0")]);
        try
        {
            await process.WaitUntilListeningAsync(port);
            return (process, port);
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    /// <summary>Serves until it is killed.</summary>
    /// <param name="port">Where it listens.</param>
    public static async Task RunAsync(int port)
    {
        using var durable = new WrittenFile();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls($"http://127.0.0.1:{port}");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Run(context => AnswerAsync(context, durable));
        await app.RunAsync();
    }

    private static async Task AnswerAsync(HttpContext context, WrittenFile durable)
    {
        var path = context.Request.Path;
        var body = context.Request.BodyReader;
        uint checksum = 0;
        while (true)
        {
            var result = await body.ReadAsync();
            if (path == DurablePath && !result.IsCompleted)
            {
                body.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                continue;
            }

            if (path == DurablePath)
                durable.Append(result.Buffer.IsSingleSegment ? result.Buffer.FirstSpan : result.Buffer.ToArray());
            else if (path == ChecksumPath)
                checksum = Take(checksum, result.Buffer);
            body.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
                break;
        }

        var answer = BitConverter.GetBytes(checksum);
        context.Response.ContentLength = answer.Length;
        await context.Response.Body.WriteAsync(answer);
    }

    private static uint Take(uint checksum, ReadOnlySequence<byte> bytes)
    {
        foreach (var part in bytes)
            checksum = Crc32C.Append(checksum, part.Span);
        return checksum;
    }
}
