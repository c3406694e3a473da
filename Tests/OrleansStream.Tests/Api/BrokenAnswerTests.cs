using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Security;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>An answer that fails while it is being made.</summary>
public sealed class BrokenAnswerTests
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";

    [Fact]
    public async Task Get_WhenItFailsAfterItsLengthWasSet_GetsAWholeProblem()
    {
        using var response = await GetAsync(context =>
        {
            context.Response.ContentLength = 7;
            context.Response.Headers.ETag = "\"7\"";
            throw new InvalidOperationException("inside");
        });

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Null(response.Headers.ETag);
        var problem = JsonNode.Parse(await ApiFixture.TextAsync(response))!;
        Assert.Equal("UNKNOWN_SERVER_ERROR", (string?)problem["error_code"]);
    }

    [Fact]
    public async Task Get_WhenItFailsBehindBytesThatCannotBeTakenBack_IsCut() =>
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(context =>
        {
            "{\"records\":["u8.CopyTo(context.Response.BodyWriter.GetSpan(12));
            context.Response.BodyWriter.Advance(12);
            throw new InvalidOperationException("inside");
        }));

    // Also where the trace is not recorded: the caller's own log has the id.
    [Fact]
    public async Task Failure_OfARequestWithACallersTrace_HasTheIdOfThatTrace_InItsAnswerAndInTheLog()
    {
        var log = new LogLines();
        var causes = new Queue<Exception>([new InvalidOperationException("inside"), new TimeoutException()]);
        while (causes.TryDequeue(out var cause))
        {
            using var response = await GetAsync(_ => throw cause, log, $"00-{Trace}-b7ad6b7169203331-00");
            Assert.Equal(Trace, (string?)JsonNode.Parse(await ApiFixture.TextAsync(response))!["trace_id"]);
        }

        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(
            async context =>
            {
                await context.Response.StartAsync();
                throw new InvalidOperationException("inside");
            },
            log, $"00-{Trace}-b7ad6b7169203331-00"));

        Assert.Equal(
            [
                $"Error: GET / failed; its trace id is {Trace}",
                $"Warning: GET / was not answered by the cluster; its trace id is {Trace}",
                $"Error: GET / failed after its answer had begun; the connection is cut; its trace id is {Trace}",
            ],
            log.All.Select(line => line[..(line.LastIndexOf(Trace, StringComparison.Ordinal) + Trace.Length)]));
    }

    private static async Task<HttpResponseMessage> GetAsync(RequestDelegate answer, ILoggerProvider? log = null, string? caller = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (log is not null)
            builder.Logging.AddProvider(log).AddFilter((category, _) => category == typeof(ProblemMiddleware).FullName);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton<RepeatedFailures>().AddSingleton<BodyDrain>();
        await using var service = builder.Build();
        service.UseMiddleware<ProblemMiddleware>();
        service.Run(answer);
        await service.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(service.Urls.Single()) };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        if (caller is not null)
            request.Headers.Add("traceparent", caller);
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
