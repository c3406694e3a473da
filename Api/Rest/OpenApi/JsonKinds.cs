using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using OrleansStream.Contracts;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace OrleansStream.Rest.OpenApi;

/// <summary>Describes the values that JSON can write in more than one way.</summary>
/// <remarks>
/// How each union is written was tried with generators. NSwag 14.8 takes the first form of a <c>oneOf</c> for the type, and of a list of types a
/// number before a string, unless an object is among them: then the type is <c>object</c>. So a <c>oneOf</c> stands where its first form
/// says all, as text does for a setting, and a list of types where only <c>object</c> would do. A form for null makes the property
/// nullable; without it NSwag sends the default of a time that its caller did not set.
/// </remarks>
internal static class JsonKinds
{
    private const JsonSchemaType AnyType = JsonSchemaType.String | JsonSchemaType.Number | JsonSchemaType.Boolean | JsonSchemaType.Object
        | JsonSchemaType.Array | JsonSchemaType.Null;

    public static void AddTo(SwaggerGenOptions swagger)
    {
        swagger.MapType<RecordKey>(() => new OpenApiSchema { Type = AnyType });
        swagger.MapType<RecordTimestamp>(() => OneOf(
            new OpenApiSchema { Type = JsonSchemaType.String, Format = "date-time" },
            new OpenApiSchema { Type = JsonSchemaType.Integer, Format = "int64" },
            Null()));
        swagger.MapType<AcksChoice>(() => OneOf(
            // No enumerations: each would become a type with a made-up name.
            new OpenApiSchema { Type = JsonSchemaType.String, Pattern = "^all$" },
            new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "0", Maximum = "1" },
            Null()));
        // It takes the place of a .NET class; the document's filter says what is in it.
        swagger.MapType<JsonObject>(() => new OpenApiSchema { Type = JsonSchemaType.Object });
        swagger.MapType<SettingValue>(Setting);
        swagger.MapType<SettingChange>(() => OneOf([.. Setting().OneOf!, Null()]));
    }

    /// <summary>The value of a topic's setting.</summary>
    public static OpenApiSchema Setting() => OneOf(
        new OpenApiSchema { Type = JsonSchemaType.String },
        new OpenApiSchema { Type = JsonSchemaType.Number },
        new OpenApiSchema { Type = JsonSchemaType.Boolean });

    private static OpenApiSchema OneOf(params IOpenApiSchema[] forms) => new() { OneOf = [.. forms] };

    private static OpenApiSchema Null() => new() { Type = JsonSchemaType.Null };
}
