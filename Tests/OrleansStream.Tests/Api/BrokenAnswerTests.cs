using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>An answer that fails while it is being made.</summary>
public sealed class BrokenAnswerTests
{
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

    private static async Task<HttpResponseMessage> GetAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton<RepeatedFailures>().AddSingleton<BodyDrain>();
        await using var service = builder.Build();
        service.UseMiddleware<ProblemMiddleware>();
        service.Run(answer);
        await service.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(service.Urls.Single()) };
        return await client.GetAsync("/", TestContext.Current.CancellationToken);
    }
}
