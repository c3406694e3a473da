using System.Text.Json;
using Microsoft.OpenApi;

namespace OrleansStream.Api.OpenApi;

/// <summary>The description of the API at <c>/swagger/v1/swagger.json</c>, and the page over it at <c>/swagger</c>.</summary>
internal static class OpenApiHosting
{
    private const string Introduction =
        "Kafka-like event streaming over REST. To begin: create a topic (PUT /v1/topics/matches, Execute as it stands), append the example "
        + "records, then read them back from their partition.\n\nEvery failure is a problem document (RFC 9457) with Kafka's name of "
        + "the error, and says whether the same request may succeed later. Where quotas are set, a client is who its header `Client-Id` says, else its address.";

    /// <summary>Adds the description.</summary>
    /// <param name="services">Where to.</param>
    public static void AddApiDescription(this IServiceCollection services)
    {
        services.AddEndpointsApiExplorer();
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower);
        services.AddSwaggerGen(swagger =>
        {
            swagger.SwaggerDoc("v1", new OpenApiInfo { Title = "OrleansStream", Version = "v1", Description = Introduction });
            swagger.OperationFilter<OperationFilter>();
            swagger.DocumentFilter<TagFilter>();
            swagger.SupportNonNullableReferenceTypes();
            swagger.IncludeXmlComments(typeof(OpenApiHosting).Assembly);
        });
    }

    /// <summary>Serves the description and the page; both come from this process alone.</summary>
    /// <param name="app">Where to.</param>
    public static void UseApiDescription(this IApplicationBuilder app) =>
        // Both match every path they are shown against patterns; a record's has none of theirs.
        app.UseWhen(context => context.Request.Path.StartsWithSegments("/swagger"), description =>
        {
            description.UseSwagger();
            description.UseSwaggerUI(ui =>
            {
                ui.DocumentTitle = "OrleansStream";
                ui.SwaggerEndpoint("/swagger/v1/swagger.json", "OrleansStream v1");
                ui.DisplayRequestDuration();
                ui.EnableTryItOutByDefault();
                ui.DefaultModelsExpandDepth(0);
            });
        });
}
